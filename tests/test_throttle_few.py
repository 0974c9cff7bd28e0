"""The throttle in small runs, and where all is refused: no pause without end, on virtual time."""

from itertools import pairwise

import pytest

from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.throttling.flow import Flow
from promptlab.engine.throttling.window import Window
from tests.simulated import Simulated, Simulation

LONGEST = 16.0  # seconds from one call to the next, whatever is refused


def succeeded(answers: list[tuple[float, Answer]]) -> int:
    return sum(isinstance(answer, Completion) for _, answer in answers)


@pytest.mark.parametrize("retry_after", [None, 0.001, 2.0])
@pytest.mark.parametrize("calls", [1, 4])
def test_where_all_is_refused_every_call_ends(calls: int, retry_after: float | None) -> None:
    """
    Given a provider that refuses everybody for ever,
    when a few calls are made, of two attempts each,
    then each fails after its two attempts, none of which had to wait for long after the one before.
    """
    model = Simulated(lambda _: 0, retry_after=retry_after)

    run = Simulation(model, clients=calls, each=1, max_attempts=2, seconds=2 * LONGEST * calls)

    failures = [answer for _, answer in run.ended if isinstance(answer, CallFailure)]
    assert [(failure.kind, failure.attempts) for failure in failures] == [("rate_limit", 2)] * calls
    pauses = [later - earlier for earlier, later in pairwise(seen.at for seen in model.seen)]
    assert max(pauses) <= LONGEST


@pytest.mark.parametrize("retry_after", [None, 2.0])
def test_many_calls_that_are_all_refused_end_with_the_first(retry_after: float | None) -> None:
    """
    Given a provider that refuses everybody for ever,
    when a hundred calls are made, of five attempts and pauses of a minute at most,
    then all have failed within two minutes, most of them unsent, and it was hardly asked.
    """
    model = Simulated(lambda _: 0, retry_after=retry_after)

    run = Simulation(model, clients=100, each=1, max_attempts=5, seconds=1e6)

    kinds = {answer.kind for _, answer in run.ended if isinstance(answer, CallFailure)}
    assert len(run.ended) == 100
    assert kinds == {"rate_limit", "closed"}
    assert run.ended[-1][0] <= 120
    assert len(model.seen) <= 60


@pytest.mark.parametrize("well_for", [0.0, 30.0])
@pytest.mark.parametrize("retry_after", [None, 2.0])
def test_where_all_is_refused_for_ever_the_fallback_is_asked_soon(
    retry_after: float | None, well_for: float
) -> None:
    """
    Given a model that refuses everybody for ever, from the start or after half a minute, and a fallback,
    when three hundred calls are made, twenty at once, of five attempts and pauses of a minute at most,
    then two minutes later all are answered, and the model was hardly asked any more.
    """
    model = Simulated(lambda now: 10 if now < well_for else 0, latency=2.0, retry_after=retry_after)
    other = Simulated(lambda _: 1e9, latency=0.1)

    run = Simulation(model, clients=20, each=15, max_attempts=5, seconds=1e6, fallback=other)

    assert succeeded(run.ended) == 300
    assert run.ended[-1][0] <= well_for + 120
    assert run.refused(well_for) <= 60
    assert len(other.seen) == 300 - sum(seen.status == 200 for seen in model.seen)


def test_an_outage_of_half_a_minute_closes_nothing() -> None:
    """
    Given a provider that refuses everybody for thirty seconds,
    when twenty calls are made meanwhile,
    then all are answered in the end.
    """
    model = Simulated(lambda now: 0 if now < 30 else 1e9)

    run = Simulation(model, clients=20, each=1, max_attempts=20)

    assert succeeded(run.ended) == 20


def test_a_call_is_tried_until_its_attempts_run_out() -> None:
    """
    Given a provider that refuses everybody for ever,
    when one call is made, of ten attempts,
    then they are made within its own pauses, a minute each at most.
    """
    model = Simulated(lambda _: 0)

    run = Simulation(model, clients=1, each=1, seconds=1e6, max_attempts=10)

    ((ended, answer),) = run.ended
    assert answer.attempts == 10
    assert ended <= 10 * 60


@pytest.mark.parametrize("retry_after", [None, 0.3])
@pytest.mark.parametrize("refusals", [2, 8])
def test_what_is_refused_at_first_is_soon_forgotten(refusals: int, retry_after: float | None) -> None:
    """
    Given a provider that refuses the first calls and takes any from then on,
    when ten calls are made,
    then all are answered within seconds.
    """

    def capacity(_: float) -> float:
        return 1e9 if len(model.seen) >= refusals else 0

    model = Simulated(capacity, latency=0.1, retry_after=retry_after)

    run = Simulation(model, clients=10, each=1, max_attempts=5)

    assert succeeded(run.ended) == 10
    assert run.ended[-1][0] <= 20


@pytest.mark.parametrize("refused", [1, 2, 5, 19])
@pytest.mark.parametrize("clients", [1, 5])
def test_one_refusal_does_not_slow_down_a_few_calls(clients: int, refused: int) -> None:
    """
    Given a provider that takes any call but one,
    when twenty are made,
    then it takes hardly longer than if that one had been answered.
    """
    model = Simulated(lambda _: 0 if len(model.seen) + 1 == refused else 1e9)
    undisturbed = Simulation(Simulated(lambda _: 1e9), clients=clients, each=20 // clients)

    run = Simulation(model, clients=clients, each=20 // clients)

    assert succeeded(run.ended) == 20
    assert run.ended[-1][0] <= 1.5 * undisturbed.ended[-1][0] + 2


def leave_in_a_row(flow: Flow, now: float, seconds: float) -> int:
    """Make calls one after the other, each as soon as it may and answered at once; give how many."""
    before, end = flow.sent, now + seconds
    while (now := now + flow.spacing(now) + 0.01) < end:
        flow.answered(flow.leave(now), now)
    return flow.sent - before


def test_a_pace_learned_from_one_call_is_unlearned() -> None:
    """
    Given one call that is still in flight after ten minutes, when a second is refused,
    when calls are made one after the other from then on, and all are answered at once,
    then nine leave in ten seconds, and hundreds in the first minute.
    """
    flow = Flow(Window(16, 64))
    flow.leave(5_000.0)
    flow.refused(flow.leave(5_600.0), 5_600.0)

    first = leave_in_a_row(flow, 5_600.0, 10)
    then = leave_in_a_row(flow, 5_610.0, 50)

    assert first >= 9
    assert then >= 300


def test_no_refusals_slow_down_to_a_crawl() -> None:
    """
    Given a provider that refuses every second call, however seldom it is asked,
    when it stops after hundreds of them,
    then calls were eight seconds apart, and a minute later leave as they come.
    """
    flow, now = Flow(Window(16, 64)), 0.0

    for number in range(200):
        now += flow.spacing(now)
        land = flow.refused if number % 2 else flow.answered
        land(flow.leave(now), now)
    apart = flow.spacing(now)
    leave_in_a_row(flow, now, 60)

    assert 7 < apart <= 8
    assert leave_in_a_row(flow, now + 60, 10) >= 30
