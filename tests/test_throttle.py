"""The throttle learns how many calls a model takes: simulated providers on virtual time, and a real one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from promptlab.cli.result import throttle_lines
from promptlab.engine.completion import Quota
from promptlab.engine.providers.rate_headers import quota_of, seconds_until
from promptlab.engine.throttling.course import MOST_POINTS, Course
from promptlab.engine.throttling.flow import Flow, Ticket
from promptlab.engine.throttling.window import Window
from promptlab.schemas.events import ConcurrencyChanged, ModelPaused
from promptlab.schemas.throttle import Change, ThrottleCourse, course_of
from tests.chain_kit import Chain
from tests.fakes import FakeProvider
from tests.lab import Lab
from tests.quick_simulation import QuickSimulation
from tests.scripted import ScriptedProvider, call
from tests.simulated import Simulated, Simulation
from tests.throttle_sweep import Provider, outcome, providers

MODEL = "scripted/m"


def course(simulation: Simulation) -> ThrottleCourse:
    return simulation.throttle.courses()[MODEL]


@pytest.mark.parametrize(
    ("capacity", "latency"), [(1, 1), (2, 0.5), (5, 2), (17, 2), (60, 3), (200, 6), (500, 8)]
)
def test_it_finds_how_many_calls_are_taken_at_once(capacity: int, latency: float) -> None:
    """
    Given a provider that takes so many calls at once,
    when far more are wanted,
    then after a minute at least 80 % of what it can do is done, with hardly a refusal.
    """
    model = Simulated(lambda _: capacity, latency=latency)

    run = Simulation(model, clients=2 * capacity + 20)

    assert run.rate(60, 90) >= 0.8 * capacity / latency
    assert run.refused(60, 90) <= max(2, 0.05 * len(model.seen))
    assert run.refused(0, 60) <= 18 + 0.05 * len(model.seen)


@pytest.mark.slow
@pytest.mark.parametrize(("limits", "step"), [("at once", 13), ("a second", 61)])
def test_it_finds_what_providers_of_all_kinds_take(limits: str, step: int) -> None:
    """
    Given providers of many sizes and kinds, with or without Retry-After, bursts, late refusals and an outage,
    when each has run for a minute,
    then each does at least 80 % of what it can, and none is stormed.

    A sample by number, of 1 to 500 calls a second; `python -m tests.throttle_sweep` runs them all.
    """
    sample = [one for one in providers() if one.limits == limits][::step]

    found = [outcome(provider, seed) for seed, provider in enumerate(sample)]

    assert min(one.share for one in found) >= 0.8
    assert max(one.refused_then for one in found) <= 0.05
    assert max(one.refused for one in found) <= 0.1


@pytest.mark.parametrize(
    "provider",
    [
        Provider("a second", 2, 0.05, burst=10, retry_after=1.0, late=True),
        Provider("a second", 20, 0.3, retry_after=1.0),
        Provider("a second", 50, 1.0, burst=2.5, retry_after=1.0, late=True),
        Provider("a second", 100, 0.05, burst=5, retry_after=1.0, outage=True),
        pytest.param(
            Provider("a second", 500, 5.0, burst=25, retry_after=1.0, late=True), marks=pytest.mark.slow
        ),
    ],
)
def test_it_finds_what_strict_providers_take(provider: Provider) -> None:
    """
    Given a provider of a rate that refuses late, or hardly takes a burst, and asks for a second's pause,
    when a minute has passed, or another after an outage,
    then at least 80 % of what it can is done, with hardly a refusal.
    """
    found = outcome(provider, seed=1)

    assert found.share >= 0.8
    assert found.refused_then <= 0.05
    assert found.refused <= 0.1


@pytest.mark.parametrize(
    "provider",
    [
        Provider("at once", 10, 0.3, retry_after=10.0),
        Provider("a second", 10, 0.3, burst=10, retry_after=5.0),
        Provider("a second", 20, 0.05, burst=20, retry_after=10.0),
        Provider("a second", 50, 0.3, burst=2.5, retry_after=5.0),
    ],
)
def test_it_finds_what_providers_take_that_ask_for_long_pauses(provider: Provider) -> None:
    """
    Given a provider that asks for a pause of seconds at each refusal, in which its burst refills,
    when a minute has passed,
    then in the time of some pauses at least 80 % of what it can is done, for it is seldom provoked.
    """
    found = outcome(provider, seed=1)

    assert found.share >= 0.8
    assert found.refused_then <= 0.05


def test_refusals_that_come_late_are_worked_out() -> None:
    """
    Given a provider whose refusals take as long as its answers, so that doubling goes far beyond it,
    when far more calls are wanted than it takes,
    then what was let in says how many it takes, and after a minute hardly any is refused.
    """
    model = Simulated(lambda _: 30, latency=1, refusal_latency=1)

    run = Simulation(model, clients=100)

    assert run.rate(60, 90) >= 0.8 * 30
    assert run.share_refused(60, 90) < 0.05
    assert run.refused(0, 10) < 64


@pytest.mark.parametrize(("rate", "burst", "latency"), [(10, 10, 0.3), (50, 50, 1.0), (30, 200, 1.0)])
def test_it_finds_how_many_calls_are_taken_a_second(rate: float, burst: float, latency: float) -> None:
    """
    Given a provider that takes any number at once, but only so many a second, after a burst,
    when far more are wanted,
    then after a minute at least 80 % of that is done, with hardly a refusal.
    """
    model = Simulated(lambda _: 1e9, latency=latency, rate=rate, burst=burst)

    run = QuickSimulation(model, clients=int(3 * rate * latency) + 40, seconds=90)

    assert run.rate(60, 90) >= 0.8 * rate
    assert run.share_refused(60, 90) < 0.05
    assert run.refused(0, 60) < 64


@pytest.mark.parametrize("retry_after", [None, 2.0])
@pytest.mark.parametrize("status", [429, 529])
def test_a_closed_provider_is_not_stormed(status: int, retry_after: float | None) -> None:
    """
    Given a provider that refuses everybody for fifteen seconds, with or without a Retry-After,
    when it is open again,
    then fewer calls met the closed door than are in flight usually, and soon all is as it was.
    """
    model = Simulated(
        lambda _: 60,
        latency=2,
        fault=lambda now: status if 20 <= now < 35 else None,
        retry_after=retry_after,
    )

    run = Simulation(model, clients=150)

    assert 1 <= run.refused(20, 35) <= 20
    assert run.rate(65, 90) >= 0.8 * 30
    assert set(course(run).refusals) == {"429", str(status)}


def test_faults_of_the_server_only_pause_growth() -> None:
    """
    Given a provider of which nothing is refused, that answers everybody with 503 for a while,
    when it has recovered,
    then the window is as large as it was, and went on growing only after the fault.
    """
    model = Simulated(lambda _: 1e9, latency=2, fault=lambda now: 503 if 4 <= now < 12 else None)

    run = Simulation(model, clients=400, seconds=40, ceiling=200)

    sizes = [change.limit for change in course(run).changes]
    grown = [change for change in course(run).changes if 4 < change.at < 14]
    assert sizes == sorted(sizes)
    assert sizes[-1] == 200
    assert grown == []
    assert course(run).refusals == {}


@pytest.mark.parametrize(("before", "after"), [(20, 200), (200, 20)])
def test_it_follows_a_capacity_that_changes(before: int, after: int) -> None:
    """
    Given a provider whose capacity changes tenfold after twenty seconds,
    when a minute has passed,
    then at least 80 % of the new one is used, without a storm.
    """
    model = Simulated(lambda now: before if now < 20 else after, latency=2)

    run = Simulation(model, clients=400)

    assert run.rate(80, 90) >= 0.8 * after / 2
    assert run.refused(20, 90) < 64


def test_a_short_shortage_is_forgotten() -> None:
    """
    Given a provider that others load for ten seconds, so that it takes a fifth of the usual,
    when they have gone,
    then half a minute later at least 80 % of the usual is done.
    """
    model = Simulated(lambda now: 40 if 20 <= now < 30 else 200, latency=2)

    run = Simulation(model, clients=400)

    assert run.rate(60, 90) >= 0.8 * 100
    assert run.refused(20, 90) < 64


def test_a_retry_after_is_obeyed_by_all() -> None:
    """
    Given a provider that refuses with a Retry-After of three seconds,
    when calls were refused,
    then none leaves in the three seconds after it was told.
    """
    fault = lambda now: 429 if 10 <= now < 10.5 else None  # noqa: E731 - a table of one line
    model = Simulated(lambda _: 1e9, latency=1, fault=fault, retry_after=3.0)

    run = Simulation(model, clients=100, seconds=20, ceiling=40)

    told = min(seen.at for seen in model.seen if seen.at >= 10 and seen.status == 429) + 0.01
    assert [seen for seen in model.seen if told < seen.at < told + 2.99] == []
    assert run.rate(15, 20) > 20


def test_a_pause_that_many_calls_are_asked_for_is_told_once() -> None:
    """
    Given forty calls in flight that are all refused with the same pause, over a tenth of a second,
    when they land,
    then the pause is told once.
    """
    fault = lambda now: 429 if 10 <= now < 10.1 else None  # noqa: E731 - a table of one line
    model = Simulated(lambda _: 1e9, latency=0.05, fault=fault, retry_after=3.0)

    run = Simulation(model, clients=100, seconds=15)

    assert run.refused() > 5
    assert len(run.heard.of(ModelPaused)) == 1


def test_headers_are_heeded_before_anything_is_refused() -> None:
    """
    Given a provider whose headers say that ten requests are left until the next full ten seconds,
    when more are wanted,
    then it never has to refuse one, and most of the ten are used each time.
    """

    def left(now: float) -> Quota:
        used = sum(seen.at >= now - now % 10 for seen in model.seen)
        return Quota(requests=10 - used, requests_reset=10 - now % 10)

    def over(now: float) -> int | None:
        return 429 if sum(seen.at >= now - now % 10 for seen in model.seen) >= 10 else None

    model = Simulated(lambda _: 1e9, latency=0.5, fault=over, quota=left)

    run = Simulation(model, clients=10, seconds=60, max_concurrency=4)

    assert run.refused() == 0
    assert len(model.seen) >= 50
    assert run.heard.of(ModelPaused)
    assert "rate limit used up" in {change.why for change in course(run).changes}


def test_what_is_asked_for_is_where_it_starts_and_ends() -> None:
    """
    Given a provider that would take more,
    when seven at once are asked for,
    then it is seven from the first call to the last.
    """
    model = Simulated(lambda _: 1e9)

    run = Simulation(model, clients=50, seconds=10, max_concurrency=7)

    assert model.seen[6].at == 0.0 < model.seen[7].at
    assert course(run).changes == (Change(0.0, 7, "start"),)


def test_the_providers_entry_is_the_ceiling() -> None:
    """
    Given a provider that would take any number, and an entry that says forty,
    when hundreds are wanted,
    then it starts at sixteen, doubles, and ends at forty.
    """
    model = Simulated(lambda _: 1e9, latency=1)

    run = Simulation(model, clients=200, seconds=20, ceiling=40)

    limits = [event.limit for event in run.heard.of(ConcurrencyChanged)]
    assert (limits[0], limits[-1], max(limits)) == (16, 40, 40)
    assert sum(seen.at < 0.4 for seen in model.seen) == 16
    assert course(run).end == 40


def test_a_window_that_is_not_filled_does_not_grow() -> None:
    """
    Given three calls at a time,
    when they go on for long,
    then nothing is learned from that.
    """
    run = Simulation(Simulated(lambda _: 1e9), clients=3, seconds=60)

    assert not course(run).has_changed


async def test_recalled_answers_do_not_count() -> None:
    """
    Given answers that are on record,
    when they are asked for again,
    then the throttle does not hear of it.
    """
    first, provider = Chain(), ScriptedProvider("hello")
    await first.complete(call(provider))
    second = Chain(log=first.log.new_run())

    for _ in range(100):
        await second.complete(call(provider))

    assert second.throttle.courses() == {}


def flow_of(calls: int, *, apart: float = 0.1) -> tuple[Flow, list[Ticket]]:
    flow = Flow(Window(1000, 1000))
    return flow, [flow.leave(apart * number) for number in range(calls)]


def test_an_episode_slows_down_once() -> None:
    """
    Given forty calls that left over four seconds, of which the last three are refused,
    when they land one after the other,
    then the pace is a little below what was let in, once for all three.
    """
    flow, tickets = flow_of(40)

    paces = []
    for ticket in tickets[-3:]:
        flow.refused(ticket, 4.0)
        paces.append(flow.pace.rate)

    assert 0.85 * 37 / 3.7 <= paces[0] <= 37 / 3.7
    assert paces[1:] == paces[:1] * 2
    assert flow.limit == 1000


def test_refusals_beside_more_than_are_ever_let_in_shrink_the_window() -> None:
    """
    Given a provider of five at once that has refused the sixth, and answers,
    when it refuses the sixth a second time,
    then fewer are in flight from then on.
    """
    flow, tickets = flow_of(6)
    flow.refused(tickets.pop(), 0.6)

    for second in range(1, 9):
        flow.answered(tickets.pop(0), second)
        tickets.append(flow.leave(second))
    flow.refused(flow.leave(9), 9)

    assert flow.limit == 5


def test_refusals_beside_no_more_than_were_let_in_do_not() -> None:
    """
    Given ten calls in flight, then one at a time, of which every second is refused,
    when that goes on,
    then it is the pace that becomes slower.
    """
    flow, tickets = flow_of(10)
    for ticket in tickets:
        flow.answered(ticket, 1.0)

    for second in range(2, 12):
        flow.answered(flow.leave(second), second)
        flow.refused(flow.leave(second), second)

    assert flow.limit == 1000
    assert 0.5 <= flow.pace.rate <= 2


def test_a_closed_provider_is_asked_ever_more_seldom() -> None:
    """
    Given a provider that lets nothing in any more,
    when it answers again,
    then calls were eight seconds apart in the end, and within ten answers they come as before.
    """
    flow, tickets = flow_of(100)
    flow.refused(tickets[-1], 10.0)
    before = flow.pace.rate

    for _ in range(12):
        flow.refused(flow.leave(20.0), 20.0)
    slowest = flow.pace.rate
    for _ in range(10):
        flow.answered(flow.leave(30.0), 30.0)

    assert slowest == 1 / 8
    assert flow.pace.rate >= before


def test_a_course_is_kept_short() -> None:
    """
    Given ten thousand changes,
    when they are told,
    then at most two hundred are kept, first and last among them, in order; and JSON holds them.
    """
    kept = Course(began=100.0)
    kept.add(100.0, 16, "start")
    for second in range(10_000):
        kept.add(102.0 + 2 * second, 17 + second, "growth" if second % 3 else "429")

    told = kept.told()

    assert len(told.changes) <= MOST_POINTS
    assert (told.changes[0], told.changes[-1].limit) == (Change(0.0, 16, "start"), 10_016)
    assert list(told.changes) == sorted(told.changes)
    assert course_of(json.loads(json.dumps(told.as_json()))) == told


NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0),
        ("6m0s", 360.0),
        ("12ms", 0.012),
        ("1h2m3.5s", 3723.5),
        ("1d", 86_400.0),
        ("7.66s", 7.66),
        ("30", 30.0),
        ("2026-11-23T12:00:05Z", 5.0),
        ("2026-11-23T11:59:05Z", 0.0),
        ("2026-11-23T13:00:30+01:00", 30.0),
        ("", None),
        (None, None),
        ("soon", None),
        ("-5", None),
        ("nan", None),
    ],
)
def test_resets_are_read_in_every_form(text: str | None, seconds: float | None) -> None:
    """
    Given when a rate limit is reset, as vendors write it, or nonsense,
    when it is read,
    then it is seconds, or nothing.
    """
    assert seconds_until(text, now=NOW) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("headers", "quota"),
    [
        ({}, None),
        ({"x-ratelimit-remaining-requests": "many"}, None),
        (
            {
                "x-ratelimit-remaining-requests": "9",
                "x-ratelimit-reset-requests": "1s",
                "x-ratelimit-remaining-tokens": "149984",
                "x-ratelimit-reset-tokens": "6m0s",
            },
            Quota(9, 1.0, 149_984, 360.0),
        ),
        (
            {"anthropic-ratelimit-requests-remaining": "0", "anthropic-ratelimit-requests-reset": "4"},
            Quota(0, 4.0, None, None),
        ),
    ],
)
def test_rate_limit_headers_are_read(headers: dict[str, str], quota: Quota | None) -> None:
    """
    Given the headers of an answer,
    when they are read,
    then they say what is left and until when, in either vendor's words.
    """
    assert quota_of(headers) == quota


def test_a_real_run_learns_shows_and_records_it(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a server that takes five at once and says so with a 429,
    when fifty rows run, and the run is shown afterwards,
    then all pass; the run's end, its JSON and the log all say how many calls were made at once and refused.
    """
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(50)
    lab.write_pipeline(params={"max_tokens": 50}, limits={"requests": 400})
    fake_provider.configure(latency_ms=30, max_concurrent=5)

    summary = lab.run()
    shown = lab.command("runs", "show", "last")
    as_json = lab.command("runs", "show", "last", "--json").summary

    told = summary.throttle["fake/model-1"]
    refused = sum(answer.status == 429 for answer in fake_provider.answers())
    assert (summary.exit_code, summary.trials) == (0, {"passed": 50})
    assert (told.start, told.refusals) == (16, {"429": refused})
    assert refused > 0
    (line,) = throttle_lines(summary)
    assert line == f"fake/model-1: 16 → {told.end} calls at once, {refused} × 429"
    assert line in shown.out
    assert as_json["throttle"] == summary.as_json()["throttle"]
    assert json.loads(lab.query("select throttle from runs")[0][0]) == as_json["throttle"]


def test_real_headers_are_heeded(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a server that says with its first answer that nothing is left for a second,
    when four rows run one after the other,
    then the second is asked for a second later.
    """
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(4)
    headers = {"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1s"}
    fake_provider.script({"nth": 1, "fault": "drip", "ms": 0.1, "headers": headers})  # and a good answer

    summary = lab.run(max_concurrency=1)

    first, second, *_ = (asked.monotonic for asked in fake_provider.requests())
    assert summary.trials == {"passed": 4}
    assert second - first >= 0.99
