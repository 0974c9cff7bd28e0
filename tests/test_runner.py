"""A run of many trials: how far it goes, what stops it, and what it leaves."""

import asyncio
import gc
import tracemalloc
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from promptlab.cli.result import warnings
from promptlab.core.errors import StorageError
from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import Intent, MemoryCallLog
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.plan import Plan
from promptlab.engine.provider import (
    ConnectionFailed,
    InvalidRequest,
    ModelProfile,
    ProviderError,
    RateLimited,
    Refused,
    TimedOut,
)
from promptlab.engine.runner import worker_count
from promptlab.live.counts import RunCounts
from promptlab.live.scores import Scores
from promptlab.live.summary import Ending, summarise
from promptlab.schemas.dataset import Row
from promptlab.schemas.events import RunStarted, RunStopped, TrialFinished
from promptlab.schemas.pipeline import Limits, Params
from promptlab.schemas.report import RunSummary
from tests.engine_kit import Bench, ask
from tests.scripted import ENDPOINT, PRICE, ScriptedProvider, texts
from tests.virtual_time import virtually

CHECKED = {"steps": [ask("a", "{{ word }}", checks=[{"not-contains": "bad"}])]}


def rows(*words: str) -> list[dict[str, Any]]:
    return [{"word": word} for word in words]


def numbered(number: int) -> list[dict[str, Any]]:
    return rows(*(f"row {index}" for index in range(number)))


def echo(request: CompletionRequest) -> str:
    text = request.messages[-1].text
    if "refused" in text:
        raise InvalidRequest("no", status=400)
    return text


def summary_of(one: Bench) -> RunSummary:
    scores = Scores(one.plan)
    for event in one.heard.events:
        scores(event)
    ending = Ending(1.0, one.brake.stop, dict(one.engine.throttle.closures), was_sent=one.counts.attempts > 0)
    return summarise(one.plan, "run", one.counts, scores, ending)


async def test_each_row_and_repeat_is_a_trial() -> None:
    """
    Given two rows, each to be run three times,
    when the run ends,
    then there are six trials, each with an answer bought for its repeat; later runs recall all.
    """
    pipeline = {"steps": [ask("a", "{{ word }}")], "repeat": 3}
    log = MemoryCallLog()
    one = Bench(pipeline, rows=rows("x", "y"), log=log)
    trials = await one.run()

    again = Bench({**pipeline, "repeat": 4}, rows=rows("x", "y"), log=log.new_run())
    await again.run()

    keys = [(trial.key.row, trial.key.repeat) for trial in trials]
    assert keys == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert len(one.provider.journal) == 6
    assert sorted(texts(again.provider.journal)) == ["x", "y"]
    assert {request.sample for request in again.provider.journal} == {3}


async def test_a_run_tells_how_it_goes() -> None:
    """
    Given three rows, one of which fails its check and one of which errors,
    when they run,
    then events and summary say so, and the exit code is 1.
    """
    one = Bench(CHECKED, ScriptedProvider(echo), rows=rows("good", "bad", "refused"))

    await one.run()

    summary = summary_of(one)
    assert one.heard.of(RunStarted) == [RunStarted("bench", 3, ("base",))]
    assert summary.trials == {"passed": 1, "failed": 1, "errored": 1}
    assert (summary.exit_code, summary.status, summary.stopped) == (1, "failed", None)
    assert (summary.calls.sent, summary.calls.attempts, summary.calls.recalled) == (3, 3, 0)
    assert summary.spent_usd == summary.cost_usd == pytest.approx(2 * 2e-05)


async def test_the_trials_spent_together_what_the_run_spent() -> None:
    """
    Given a provider that fails now and then, with and without a charge, and rows that are equal,
    when the run ends,
    then what its trials spent adds up to what the run spent, what may have been paid besides is told apart.
    """
    answers: list[str | ProviderError] = [
        RateLimited("slow", status=429),
        "a",
        TimedOut("late", outcome="unknown"),
        "b",
    ]
    one = Bench(CHECKED, ScriptedProvider(*answers, "c"), rows=rows("x", "x", "y", "z", "z"))

    trials = await one.run()

    summary = summary_of(one)
    assert sum(trial.spent_usd or 0.0 for trial in trials) == pytest.approx(summary.spent_usd)
    assert summary.most_spent_usd == pytest.approx(one.counts.spent_usd)
    assert (summary.unknown_usd or 0.0) > 0
    assert sum(step.attempts for trial in trials for step in trial.steps) == one.counts.attempts


@pytest.mark.parametrize("limits", [Limits(requests=5), Limits(errors=2), Limits(seconds=0.05)])
@virtually
async def test_a_limit_leaves_the_rest_and_ends_with_4(limits: Limits) -> None:
    """
    Given a limit that is reached on the way,
    when the run ends,
    then it sent nothing more, the trials that it did not come to are left, and it says which limit it was.
    """
    words = ["refused"] * 2 if limits.errors else []
    provider = ScriptedProvider(echo)

    async def slowly(request: CompletionRequest) -> Any:
        await asyncio.sleep(0.01)
        return await original(request)

    original = provider.complete
    provider.complete = slowly  # type: ignore[method-assign]
    options = RunOptions(limits=limits, max_concurrency=1)
    given = [*rows("fine", *words), *numbered(50)]
    one = Bench(CHECKED, provider, rows=given, options=options)

    trials = await one.run()

    summary = summary_of(one)
    assert (summary.exit_code, summary.status) == (4, "limited")
    assert 0 < len(trials) < 10
    assert "limit" in (summary.stopped or "")
    assert len(one.heard.of(RunStopped)) == 1


async def test_a_limit_that_left_nothing_stopped_nothing() -> None:
    """
    Given a limit of one error, which the last trial reaches,
    when the run ends,
    then it counts as any run with an errored trial.
    """
    options = RunOptions(limits=Limits(errors=1), max_concurrency=1)
    one = Bench(CHECKED, ScriptedProvider(echo), rows=rows("fine", "refused"), options=options)

    await one.run()

    assert summary_of(one).exit_code == 1


async def test_a_refused_key_leaves_all_and_ends_with_3() -> None:
    """
    Given a thousand rows and a key that is refused,
    when they run,
    then no more requests leave than may be in flight, no trial ends, and one message says why.
    """
    refused = ScriptedProvider(Refused("m: bad key", status=401))
    one = Bench(CHECKED, refused, rows=numbered(1000), options=RunOptions(max_concurrency=8))

    await one.run()

    summary = summary_of(one)
    assert (summary.exit_code, summary.status, summary.trials) == (3, "errored", {})
    assert len(refused.journal) <= 8
    assert (summary.stopped or "").count("bad key") == 1


async def test_a_model_that_cannot_be_asked_is_a_matter_of_usage() -> None:
    """
    Given a model without a key, and recorded answers to some rows,
    when they run,
    then nothing is sent, the recorded ones end, and the exit code is 2.
    """
    log = MemoryCallLog()
    await Bench(CHECKED, rows=numbered(3), log=log).run()

    one = Bench(CHECKED, rows=numbered(5), log=log.new_run(), problem="there is no key; set KEY")
    trials = await one.run()

    summary = summary_of(one)
    assert (len(trials), one.provider.journal) == (3, [])
    assert (summary.exit_code, summary.stopped) == (2, "scripted/m: there is no key; set KEY")


async def test_other_models_go_on_when_one_is_closed() -> None:
    """
    Given two steps with a model each, one of which refuses the key,
    when the rows run,
    then the other's answers are all bought and recorded for the next run, and the exit code is 3.
    """
    refused = ScriptedProvider(Refused("bad key", status=401))
    steps = [ask("a", "a {{ word }}"), ask("b", "b {{ word }}", model="other/n")]
    log = MemoryCallLog()
    one = Bench({"steps": steps}, rows=numbered(20), providers={"other": refused}, log=log)
    await one.run()

    later = Bench({"steps": steps}, rows=numbered(20), log=log.new_run())
    trials = await later.run()

    assert (summary_of(one).exit_code, one.trials) == (3, [])
    assert len(one.provider.journal) == 20
    assert len(trials) == 20
    assert {text[0] for text in texts(later.provider.journal)} == {"b"}


async def test_a_network_that_is_not_there_ends_with_3() -> None:
    """
    Given a provider that cannot be reached, and steps that would try again after rate limits only,
    when the rows run,
    then the model is closed once a call has used up its attempts.
    """
    dead = ScriptedProvider(ConnectionFailed("nobody answers"))
    pipeline = {"steps": [ask("a", "{{ word }}", retry={"on": ["rate_limit"]})]}
    one = Bench(pipeline, dead, rows=numbered(100), options=RunOptions(max_concurrency=4))

    await one.run()

    assert summary_of(one).exit_code == 3
    assert len(dead.journal) <= 8


async def test_one_call_that_breaks_off_closes_nothing() -> None:
    """
    Given a provider whose first answer breaks off, and steps that try but once,
    when the rows run,
    then that trial errors and the others pass.
    """
    provider = ScriptedProvider(ConnectionFailed("cut", outcome="unknown"), "fine")
    pipeline = {"steps": [ask("a", "{{ word }}", retry={"max_attempts": 1})]}
    one = Bench(pipeline, provider, rows=numbered(20), options=RunOptions(max_concurrency=1))

    trials = await one.run()

    assert [trial.status for trial in trials] == ["errored"] + ["passed"] * 19


@pytest.mark.parametrize("word", ["bad", "refused"])
async def test_fail_fast_starts_nothing_after_a_trial_that_did_not_pass(word: str) -> None:
    """
    Given rows of which the third does not pass, gates that hold all the same, and --fail-fast,
    when they run one after the other,
    then few start after it, what is in flight ends, and the exit code is 1.
    """
    words = ["fine", "fine too", word, *(f"row {number}" for number in range(50))]
    options = RunOptions(fail_fast=True, max_concurrency=1)
    pipeline = {**CHECKED, "gates": [{"metric": "latency_ms", "max": 1000}]}
    one = Bench(pipeline, ScriptedProvider(echo), rows=rows(*words), options=options)

    trials = await one.run()

    summary = summary_of(one)
    assert 3 <= len(trials) <= 5
    assert (summary.exit_code, summary.status) == (1, "failed")
    assert "--fail-fast" in (summary.stopped or "")


async def test_a_limit_that_is_reached_while_the_last_calls_land_is_not_told() -> None:
    """
    Given a limit that is reached while the last call is in flight,
    when that is answered,
    then the run is complete and says nothing of the limit.
    """
    one = Bench(CHECKED, rows=numbered(1))

    def answer(_: CompletionRequest) -> str:
        one.brake.pull("limit", "the limit of 1 second is reached")
        return "late"

    one.provider.answers = [answer]
    await one.run()

    summary = summary_of(one)
    assert (summary.exit_code, summary.trials) == (0, {"passed": 1})
    assert (summary.stopped, list(warnings(summary))) == (None, [])


async def test_what_a_stopped_run_left_is_done_by_the_next() -> None:
    """
    Given a run that a limit stopped,
    when it runs again without the limit, twice,
    then only what was not bought is bought, and then nothing.
    """
    log = MemoryCallLog()
    provider = ScriptedProvider(echo)
    options = RunOptions(limits=Limits(requests=7))
    await Bench(CHECKED, provider, rows=numbered(20), log=log, options=options).run()

    second = Bench(CHECKED, provider, rows=numbered(20), log=log.new_run())
    third = Bench(CHECKED, provider, rows=numbered(20), log=log.new_run())
    trials = [*(await second.run()), *(await third.run())]

    assert [trial.status for trial in trials] == ["passed"] * 40
    assert len(provider.journal) == len(set(texts(provider.journal))) == 20
    assert (third.counts.sent, third.counts.recalled, third.counts.spent_usd) == (0, 20, 0.0)


class BrokenLog(MemoryCallLog):
    """A log whose disk is full after so many answers."""

    room = 5

    async def settle(self, attempt_id: int, intent: Intent, answer: Any) -> int | None:
        self.room -= 1
        if self.room < 0:
            raise StorageError("the disk is full")
        return await super().settle(attempt_id, intent, answer)

    async def intend(self, intent: Intent) -> int:
        if self.room < 0:
            raise StorageError("the disk is full")
        return await super().intend(intent)


async def test_a_log_that_cannot_be_written_stops_all_calls() -> None:
    """
    Given a disk that is full after five answers,
    when fifty rows run,
    then the run ends with that error, nothing was sent after it, and no task is left.
    """
    one = Bench(CHECKED, rows=numbered(50), log=BrokenLog(), options=RunOptions(max_concurrency=2))

    with pytest.raises(BaseExceptionGroup) as caught:
        await one.run()
    await one.engine.drain(patience=0)

    assert caught.group_contains(StorageError, match="disk is full")
    assert len(one.provider.journal) <= 8
    assert len(asyncio.all_tasks()) == 1


async def test_calls_in_flight_are_recorded_when_a_bug_ends_the_run() -> None:
    """
    Given calls in flight, and a bug in what handles another,
    when the run ends by it,
    then the calls in flight are awaited and on record, and at most the next one leaves.
    """
    provider = ScriptedProvider("hello")
    provider.gate = asyncio.Event()

    async def break_down_or_ask(request: CompletionRequest) -> Any:
        if request.messages[-1].text == "row 3":
            while provider.in_flight < 3:
                await asyncio.sleep(0)
            raise KeyError("a bug")
        return await original(request)

    original = provider.complete
    provider.complete = break_down_or_ask  # type: ignore[method-assign]
    one = Bench(CHECKED, provider, rows=numbered(50), options=RunOptions(max_concurrency=4))

    with pytest.raises(BaseExceptionGroup):
        await one.engine.runner.run(one.plan)
    asyncio.get_running_loop().call_later(0.05, provider.gate.set)
    await one.engine.drain(patience=5)

    assert isinstance(one.log, MemoryCallLog)
    assert 3 <= len(one.log.completions) == len(provider.journal) <= 4
    assert len(asyncio.all_tasks()) == 1


def test_workers_are_twice_what_the_models_may_take_and_no_more_than_the_trials() -> None:
    """
    Given plans of one and of no model, and of few trials,
    when the workers are counted,
    then there are enough to keep each slot busy, and no more than there is to do.
    """
    many, few = Bench(CHECKED, rows=numbered(500)), Bench(CHECKED, rows=numbered(3))
    functions = Bench({"steps": [{"id": "p", "python": "f.py:f"}]}, rows=numbered(500))

    counts = [worker_count(one.plan, None) for one in (many, few, functions)]

    assert counts == [128, 3, 16]
    assert worker_count(many.plan, 64) == 128
    assert worker_count(many.plan, 1000) == 500


class ForgetfulLog(MemoryCallLog):
    """A log that keeps nothing, so that all memory is the run's."""

    async def settle(self, attempt_id: int, intent: Intent, answer: Any) -> int:
        del self.attempts[attempt_id], intent, answer
        return attempt_id


async def test_memory_does_not_grow_with_the_rows() -> None:
    """
    Given a thousand rows of 20 kB each, read as a stream,
    when they run,
    then no more of them than are in flight are ever held.
    """
    one = Bench(CHECKED, ScriptedProvider("fine"), log=ForgetfulLog())

    def stream() -> Iterator[Row]:
        for index in range(1000):
            word = f"{index} " + "x" * 20_000
            yield Row(index, str(index), {"word": word}, {"word": word}, index + 1)

    one.plan = Plan("bench", one.plan.cells, stream, 1000)
    scores, counts = Scores(one.plan), RunCounts()
    done: list[str] = []

    def listen(event: Any) -> None:
        scores(event)
        counts(event)
        if isinstance(event, TrialFinished):
            done.append(event.result.status)

    one.provider.journal = deque(maxlen=1)  # type: ignore[assignment]
    one.heard = listen  # type: ignore[assignment]
    gc.collect()
    gc.disable()  # what a trial leaves goes at once, not when somebody looks for cycles
    tracemalloc.start()
    try:
        await one.engine.runner.run(one.plan)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()

    assert done == ["passed"] * 1000
    assert peak < 10_000_000


async def test_a_rate_is_kept_by_both_its_measures() -> None:
    """
    Given a model of 600 requests and 6,000 tokens a minute, whose answers take 15 of the 200 that they may,
    when forty calls are made,
    then tokens that were not used are given back, and no request is counted twice while it waits.
    """
    provider = ScriptedProvider("hello")
    profile = ModelProfile(
        endpoint=ENDPOINT,
        model="m",
        price=PRICE,
        max_output_tokens=100,
        requests_per_minute=600,
        tokens_per_minute=6000,
    )
    provider.profile = lambda model: replace(profile, model=model)  # type: ignore[method-assign]
    assert provider.wire_params("m", Params()) == {}
    one = Bench(CHECKED, provider, rows=numbered(40))

    trials = await one.run()

    assert len(trials) == 40
    assert 5 <= one.clock.now() <= 12
