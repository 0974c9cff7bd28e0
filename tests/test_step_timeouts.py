"""What counts as the time of a step: calls in flight and the pauses between them, no waiting in line."""

import asyncio
import json
import threading
import time
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from promptlab.cli.result import warnings
from promptlab.core.json import JSON
from promptlab.engine.assembly import RunOptions
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import ModelProfile, ServerFault
from promptlab.live.counts import RunCounts
from promptlab.schemas.events import AttemptEnded, Event, TrialFinished
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.report import RunSummary
from promptlab.schemas.run import TrialResult
from tests.engine_kit import Bench, PythonFunction, ask
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab, paid
from tests.scripted import Calling, ScriptedProvider, calls
from tests.virtual_time import LoopClock, run_virtually


class Slow(ScriptedProvider):
    """Answers after so many seconds; takes so many requests a minute."""

    def __init__(self, seconds: float, *answers: Any, requests_per_minute: float | None = None) -> None:
        super().__init__(*answers)
        self.seconds = seconds
        self.requests_per_minute = requests_per_minute

    def profile(self, model: str) -> ModelProfile:
        return replace(super().profile(model), requests_per_minute=self.requests_per_minute)

    async def complete(self, request: CompletionRequest) -> Completion:
        await asyncio.sleep(self.seconds)
        return await super().complete(request)


def words(*some: str) -> list[dict[str, Any]]:
    return [{"word": word} for word in some]


def ran(
    provider: Slow,
    rows: Sequence[Mapping[str, Any]],
    *steps: Mapping[str, Any],
    at_once: int | None = None,
    limits: Limits | None = None,
    functions: Mapping[str, PythonFunction] | None = None,
) -> tuple[Bench, float]:
    """Run on virtual time; give the run, and when its last trial ended."""

    async def run() -> tuple[Bench, float]:
        options = RunOptions(max_concurrency=at_once, limits=limits or Limits())
        one = Bench(
            {"steps": list(steps)},
            provider,
            rows=rows,
            options=options,
            functions=functions or {},
            places=asyncio.Semaphore(1),
        )
        clock = LoopClock()
        one.clock.now, one.clock.sleep = clock.now, clock.sleep  # type: ignore[method-assign]
        await one.engine.runner.run(one.plan)
        ended = asyncio.get_running_loop().time()
        await one.engine.drain(patience=5)
        return one, ended

    going: Coroutine[Any, Any, tuple[Bench, float]] = run()
    return run_virtually(going)


async def take_long(**_arguments: JSON) -> str:
    await asyncio.sleep(0.9)
    return "found"


def look_up(request: CompletionRequest) -> str | Calling:
    last = request.messages[-1]
    return "done" if last.role == "tool" else calls(("look", json.dumps({"word": last.text})))


PYTHON = {"id": "count", "python": "tools/words.py:count", "with": {"word": "{{ word }}"}}
SLOWLY = {"count": take_long, "look": take_long}


def errors(one: Bench) -> set[str | None]:
    return {step.error for trial in one.trials for step in trial.all_steps}


def trial_of(one: Bench) -> TrialResult:
    (event,) = one.heard.of(TrialFinished)
    return event.result


def test_the_wait_for_a_slot_is_none_of_the_steps_time() -> None:
    """
    Given many more rows than calls at once, and a step with time for one call,
    when they run,
    then all pass, however long the last had to wait.
    """
    one, ended = ran(Slow(0.9), words(*map(str, range(20))), ask("a", timeout=1), at_once=2)

    assert (errors(one), len(one.provider.journal)) == ({None}, 20)
    assert ended == pytest.approx(9.0)


def test_the_wait_for_a_rate_is_none_of_the_steps_time() -> None:
    """
    Given a call a second, and more rows than the step has seconds,
    when they run,
    then all pass.
    """
    provider = Slow(0.1, requests_per_minute=60)

    one, _ = ran(provider, words(*map(str, range(20))), ask("a", timeout=4))

    assert (errors(one), len(provider.journal)) == ({None}, 20)


def test_the_wait_for_a_budget_is_none_of_the_steps_time() -> None:
    """
    Given a limit that leaves room for the worst case of one call at a time,
    when more rows run than the step has time for,
    then all pass.
    """
    limits = Limits(cost_usd=0.0006)

    one, ended = ran(Slow(0.9), words(*map(str, range(8))), ask("a", timeout=1), limits=limits)

    assert (errors(one), len(one.provider.journal)) == ({None}, 8)
    assert ended > 1.0


@pytest.mark.parametrize(("seconds", "error"), [(1.0, None), (0.5, "took longer than its 0.5 s")])
def test_the_wait_for_a_free_process_is_none_of_the_steps_time(seconds: float, error: str | None) -> None:
    """
    Given a function that takes 0.9 s, a process that runs one call after the other, and many rows,
    when a step has time for one call, or for less,
    then all pass, however long the last had to wait, or all error; each says that it was tried once.
    """
    rows = words(*map(str, range(8)))

    one, _ = ran(Slow(0.0), rows, {**PYTHON, "timeout": seconds}, functions=SLOWLY)

    assert (errors(one), len(one.called)) == ({error}, 8)
    assert {step.attempts for trial in one.trials for step in trial.steps} == {1}


def test_equal_calls_of_a_function_wait_as_one() -> None:
    """
    Given equal calls behind others, all of which share the one that is made,
    when a step has time for one call,
    then none of them is out of time.
    """
    rows = words("a", "b", "same", "same")

    one, _ = ran(Slow(0.0), rows, {**PYTHON, "timeout": 1.0}, functions=SLOWLY)

    assert (errors(one), len(one.called)) == ({None}, 3)


def test_the_wait_of_a_tool_is_none_of_the_steps_time() -> None:
    """
    Given a tool that takes 0.9 s, a process that runs one call after the other, and many rows,
    when a step has time for its turns and one call of the tool,
    then all pass.
    """
    looking = ask("a", tools=["tools/words.py:look"], timeout=1.0)

    one, ended = ran(Slow(0.0, look_up), words(*map(str, range(6))), looking, functions=SLOWLY)

    assert (errors(one), len(one.called)) == ({None}, 6)
    assert ended == pytest.approx(6 * 0.9)


def test_who_shares_a_request_that_waits_in_line_has_time_too() -> None:
    """
    Given one call at once, and equal rows behind others,
    when they run,
    then they share one request, and none of them is out of time.
    """
    rows = words("a", "b", "c", "same", "same", "same")

    one, _ = ran(Slow(0.9), rows, ask("a", timeout=1), at_once=1)

    assert (errors(one), len(one.provider.journal)) == ({None}, 4)


def test_a_request_that_is_shared_in_flight_takes_everybodys_time() -> None:
    """
    Given equal rows, and answers that take longer than the step has,
    when they run,
    then each errors once its time is over, and the one attempt is that of the first.
    """
    one, ended = ran(Slow(3.0), words("same", "same"), ask("a", timeout=2))

    assert errors(one) == {"took longer than its 2 s"}
    assert ended == pytest.approx(2.0)
    assert sorted(trial.steps[0].attempts for trial in one.trials) == [0, 1]


def test_pauses_between_attempts_are_the_steps_time() -> None:
    """
    Given a model that fails, and a pause before the next attempt that is longer than what is left,
    when the step runs,
    then it errors by its time, and says what it sent.
    """
    provider = Slow(0.5, ServerFault("oops"))
    retry = {"initial": 1.0, "jitter": 0.0, "max_attempts": 9}

    one, ended = ran(provider, [{}], ask("a", "say it", timeout=3.0, retry=retry))

    (step,) = trial_of(one).steps
    assert (step.error_kind, step.attempts, step.spent_usd) == ("timeout", 2, 0.0)
    assert ended == pytest.approx(3.0)


@pytest.mark.parametrize(("seconds", "error"), [(2.0, None), (1.5, "took longer than its 1.5 s")])
def test_a_step_with_others_inside_waits_where_they_all_do(seconds: float, error: str | None) -> None:
    """
    Given one call at once, and rows that each ask twice inside a foreach, which takes 1.8 s,
    when the foreach has more time than that, or less,
    then it passes, however long it waited for the other rows, or errors.
    """
    inner = [ask("say", "say {{ item }} of {{ word }}")]
    each = {"id": "parts", "foreach": "[1, 2]", "steps": inner, "timeout": seconds}

    one, _ = ran(Slow(0.9), words("a", "b", "c"), each, at_once=1)

    assert {trial.steps[0].error for trial in one.trials} == {error}


def test_what_a_step_leaves_behind_is_told_alike_everywhere(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given an answer that comes after the step has given up and its trial has ended,
    when the run ends,
    then it took no longer than its trial, the trial says what was sent but not what came of it, and the run
    in all places what was paid.
    """
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(1)
    lab.write_pipeline(steps=[{**PIPELINE["steps"][0], "timeout": 1}])
    fake_provider.script({"fault": "hold"})
    began, answered = time.monotonic(), list[float]()

    def answer() -> None:
        answered.append(time.monotonic())
        fake_provider.script()

    def answer_late(event: Event) -> None:
        if isinstance(event, TrialFinished):
            threading.Timer(0.3, answer).start()

    summary = lab.run(heard=answer_late)

    ((step,),) = (trial.steps for trial in lab.trials)
    assert (step.error_kind, step.attempts, step.spent_usd) == ("timeout", 1, 0.0)
    assert summary.seconds < answered[0] - began
    assert summary.metrics["spent_usd"] == summary.spent_usd == pytest.approx(paid(fake_provider))
    assert lab.states() == {"received": 1}


def test_a_risk_without_a_price_is_unknown_not_nothing() -> None:
    """
    Given attempts of unknown outcome at a model without a price,
    when the run sums up,
    then what they may have cost is unknown.
    """
    counts = RunCounts()
    for _ in range(2):
        counts(AttemptEnded("fake/m", 1, failure="timeout", spent_usd=None, outcome_unknown=True))

    summary = RunSummary(
        run_id="r", pipeline="p", status="passed", trials={}, unknown=2, unknown_usd=counts.unknown_usd
    )

    assert summary.as_json()["at_risk_usd"] is None
    assert list(warnings(summary)) == ["2 attempts of unknown outcome, cost unknown"]
