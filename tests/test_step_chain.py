"""One step of a trial: whether it runs, what it makes, what it took, and how it fails."""

import asyncio
from typing import Any

import pytest

from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.completion import CompletionRequest, Usage
from promptlab.engine.provider import InvalidRequest, ServerFault, TimedOut
from promptlab.schemas.events import CallRecalled, StepFinished
from promptlab.schemas.run import MISSING
from tests.engine_kit import Bench, ask, statuses
from tests.scripted import ScriptedProvider, texts
from tests.virtual_time import virtually

ANSWER_COST = (10 * 1.0 + 5 * 2.0) / 1e6
ONE_ROW = ({"word": "hi"},)


def bench(*steps: dict[str, Any], provider: ScriptedProvider | None = None, **options: Any) -> Bench:
    given = {"rows": ONE_ROW, **options}
    return Bench({"steps": list(steps)}, provider or ScriptedProvider("hello"), **given)


async def test_a_step_says_what_it_made_and_what_it_took() -> None:
    """
    Given a step that asks a model,
    when it runs,
    then it has the answer, the conversation, tokens, cost, and one attempt.
    """
    one = bench(ask("a"))

    steps = await one.run_one()

    step = steps["a"]
    assert (step.status, step.output, step.model) == ("passed", "hello", "scripted/m")
    assert step.messages == (
        {"role": "user", "content": "say hi"},
        {"role": "assistant", "content": "hello"},
    )
    assert (step.input_tokens, step.output_tokens, step.attempts, step.recalled) == (10, 5, 1, False)
    assert step.cost_usd == step.spent_usd == pytest.approx(ANSWER_COST)
    assert [event.result.id for event in one.heard.of(StepFinished)] == ["a"]


async def test_a_recalled_step_cost_then_what_it_cost_and_nothing_now() -> None:
    """
    Given an answer that an earlier run bought after a failure,
    when it is recalled,
    then its cost is that of old, while nothing was spent or tried.
    """
    log = MemoryCallLog()
    first = bench(ask("a"), provider=ScriptedProvider(ServerFault("oops"), "hello"), log=log)
    before = await first.run_one()

    second = bench(ask("a"), log=log.new_run())
    after = await second.run_one()

    assert (before["a"].attempts, before["a"].recalled) == (2, False)
    assert (after["a"].attempts, after["a"].recalled) == (0, True)
    assert after["a"].cost_usd == pytest.approx(ANSWER_COST)
    assert after["a"].spent_usd == 0.0
    assert second.provider.journal == []


async def test_identical_requests_of_one_trial_are_sent_once() -> None:
    """
    Given two steps that ask the same,
    when both run side by side,
    then one request leaves, one step pays, and the other says that it was recalled.
    """
    one = bench(ask("a"), ask("b"))

    steps = await one.run_one()

    assert len(one.provider.journal) == 1
    assert sorted(step.recalled for step in steps.values()) == [False, True]
    assert sum(step.spent_usd or 0 for step in steps.values()) == pytest.approx(ANSWER_COST)
    assert sum(step.attempts for step in steps.values()) == 1
    assert one.heard.of(CallRecalled) == [CallRecalled("scripted/m", shared=True)]


async def test_a_step_is_skipped_where_its_condition_does_not_hold() -> None:
    """
    Given a step whose `when` is false,
    when the trial runs,
    then it has no output and nothing is sent.
    """
    one = bench(ask("a", when="word == 'other'"))

    steps = await one.run_one()

    assert (steps["a"].status, steps["a"].output, one.provider.journal) == ("skipped", MISSING, [])


async def test_a_step_sees_nothing_but_its_with() -> None:
    """
    Given a step with `with`,
    when its prompt names an input that is not in it,
    then the step errors by its template.
    """
    one = bench(
        ask("a", "say {{ other }}", **{"with": {"other": "{{ word }} there"}}),
        ask("b", "say {{ word }}", **{"with": {"other": "{{ word }} there"}}),
    )

    steps = await one.run_one()

    assert texts(one.provider.journal) == ["say hi there"]
    assert (steps["b"].status, steps["b"].error_kind) == ("errored", "template")


@virtually
async def test_a_step_that_takes_too_long_errors_and_says_what_it_took() -> None:
    """
    Given a step that asks twice, whose second question is not answered in time,
    when its time is over,
    then it errors, the first answer counts as paid, and the second as an attempt that is not known to be.
    """
    provider = ScriptedProvider("no word")
    first_text = "say hi"

    async def hang_on_the_second(request: CompletionRequest) -> Any:
        if len(request.messages) > 1:
            await asyncio.Event().wait()
        return await original(request)

    original = provider.complete
    provider.complete = hang_on_the_second  # type: ignore[method-assign]
    retry = {"on": ["invalid_output"], "max_attempts": 2}
    one = bench(ask("a", timeout=0.05, output={"enum": ["yes"]}, retry=retry), provider=provider)
    running = asyncio.create_task(one.engine.runner.run(one.plan))

    await running
    await one.engine.drain(patience=0)

    (trial,) = one.trials
    step = trial.steps[0]
    assert (trial.status, step.error_kind, step.output) == ("errored", "timeout", MISSING)
    assert (step.input_tokens, step.attempts) == (10, 2)
    assert step.cost_usd == step.spent_usd == pytest.approx(ANSWER_COST)
    assert [call.completion_id is None for call in step.calls] == [False, True]
    assert texts(provider.journal) == [first_text]
    assert one.counts.unknown == 1


@virtually
async def test_no_attempt_follows_once_the_step_has_given_up() -> None:
    """
    Given a model that fails, and a step with less time than the pause before the next attempt,
    when the step has given up,
    then nothing more is sent for it.
    """
    provider = ScriptedProvider(ServerFault("oops"))
    one = bench(ask("a", timeout=0.05, retry={"initial": 0.0, "max_attempts": 100}), provider=provider)
    one.clock.sleep = asyncio.sleep  # type: ignore[method-assign,assignment]

    async def slowly(request: CompletionRequest) -> Any:
        await asyncio.sleep(0.02)
        return await original(request)

    original = provider.complete
    provider.complete = slowly  # type: ignore[method-assign]
    await one.engine.runner.run(one.plan)
    sent = len(provider.journal)

    await asyncio.sleep(0.1)

    assert one.trials[0].steps[0].error_kind == "timeout"
    assert len(provider.journal) - sent <= 1


async def test_a_time_out_that_is_not_the_steps_own_is_a_bug() -> None:
    """
    Given a provider that raises TimeoutError, which no provider may,
    when a step without a time limit asks it,
    then that ends the run as what it is.
    """

    def raise_it(_request: CompletionRequest) -> str:
        raise TimeoutError("not mine")

    one = bench(ask("a"), provider=ScriptedProvider(raise_it))

    with pytest.raises(BaseExceptionGroup) as caught:
        await one.run()

    assert caught.group_contains(TimeoutError, match="not mine", depth=1)


@pytest.mark.parametrize(
    ("on_error", "status", "output"),
    [("fail", "errored", MISSING), ("skip", "skipped", MISSING), ({"default": "none"}, "passed", "none")],
)
async def test_what_an_error_means_is_the_steps_own_word(on_error: Any, status: str, output: Any) -> None:
    """
    Given a step whose request is refused, and what it says of errors,
    when it runs,
    then it errors, is skipped or has its default, and says what went wrong in any case.
    """
    provider = ScriptedProvider(InvalidRequest("no such parameter", status=400))
    one = bench(ask("a", on_error=on_error), provider=provider)

    steps = await one.run_one()

    assert (steps["a"].status, steps["a"].output) == (status, output)
    assert steps["a"].error == "no such parameter"


@pytest.mark.parametrize(
    ("output", "text", "made"),
    [
        ("text", " hello ", " hello "),
        ("json", '{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ({"schema": {"type": "object", "required": ["a"]}}, '{"a": 1}', {"a": 1}),
        ({"enum": ["billing", "other"]}, " billing\n", "billing"),
        ({"regex": "label: (\\w+)"}, "the label: billing!", "billing"),
        ({"regex": "\\d+"}, "it is 42.", "42"),
    ],
)
async def test_an_answer_is_read_as_the_step_says(output: Any, text: str, made: Any) -> None:
    """
    Given an output of each kind and an answer that fits,
    when the step runs,
    then its output is the value.
    """
    one = bench(ask("a", output=output), provider=ScriptedProvider(text))

    steps = await one.run_one()

    assert (steps["a"].status, steps["a"].output) == ("passed", made)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ("json", "```json\n{}\n```"),
        ("json", "NaN"),
        ("json", ""),
        ("json", "[" * 100_000),
        ({"schema": {"type": "object", "required": ["a"]}}, "{}"),
        ({"enum": ["billing"]}, "Billing"),
        ({"regex": "label: (\\w+)"}, "nothing"),
    ],
)
async def test_an_answer_that_does_not_fit_is_an_error_and_is_recalled(output: Any, text: str) -> None:
    """
    Given an answer that is not what was asked for,
    when the step runs, and runs again,
    then it errors without output and what it cost counts; the second time nothing is bought.
    """
    log = MemoryCallLog()
    steps = await bench(ask("a", output=output), provider=ScriptedProvider(text), log=log).run_one()

    again = bench(ask("a", output=output), log=log.new_run())
    second = await again.run_one()

    assert (steps["a"].status, steps["a"].error_kind, steps["a"].output) == (
        "errored",
        "invalid_output",
        MISSING,
    )
    assert steps["a"].cost_usd == pytest.approx(ANSWER_COST)
    assert (second["a"].status, again.provider.journal) == ("errored", [])


async def test_a_step_may_ask_again_with_what_was_wrong() -> None:
    """
    Given a step that has invalid output tried again, and a model that gets it right the third time,
    when it runs,
    then each question holds the wrong answers before it, and cost, tokens and attempts add up.
    """
    provider = ScriptedProvider("dunno", "perhaps", "billing")
    retry = {"on": ["invalid_output"], "max_attempts": 3}
    one = bench(ask("a", output={"enum": ["billing"]}, retry=retry), provider=provider)

    steps = await one.run_one()

    step = steps["a"]
    assert (step.status, step.output, step.attempts, step.output_tokens) == ("passed", "billing", 3, 15)
    assert step.cost_usd == step.spent_usd == pytest.approx(3 * ANSWER_COST)
    assert [len(request.messages) for request in provider.journal] == [1, 3, 5]
    assert "'dunno' is none of billing" in provider.journal[1].messages[-1].content
    assert [message.content for message in provider.journal[2].messages[1::2]] == ["dunno", "perhaps"]


async def test_asking_again_ends_with_the_attempts() -> None:
    """
    Given a model that never gets it right,
    when a step may ask twice,
    then it asks twice and errors.
    """
    provider = ScriptedProvider("dunno")
    retry = {"on": ["invalid_output"], "max_attempts": 2}
    one = bench(ask("a", output={"enum": ["billing"]}, retry=retry), provider=provider)

    steps = await one.run_one()

    assert (steps["a"].error_kind, len(provider.journal)) == ("invalid_output", 2)
    assert steps["a"].spent_usd == pytest.approx(2 * ANSWER_COST)


async def test_what_an_unknown_attempt_may_have_cost_is_told_by_itself() -> None:
    """
    Given an attempt of unknown outcome before the one that is answered,
    when the step is done,
    then it spent what its answer cost, and the run tells what the other may have cost.
    """
    provider = ScriptedProvider(TimedOut("late", outcome="unknown"), "hello")
    one = bench(ask("a"), provider=provider)

    steps = await one.run_one()

    assert steps["a"].cost_usd == pytest.approx(ANSWER_COST)
    assert steps["a"].spent_usd == pytest.approx(ANSWER_COST)
    assert (one.counts.unknown_usd or 0.0) > 100 * 2.0 / 1e6


async def test_an_unknown_outcome_errors_where_it_may_not_be_repeated() -> None:
    """
    Given a request that was never answered, and --on-unknown fail,
    when the step runs, and runs in a later run with the same word, and in one that may repeat it,
    then it errors, is not sent again, and then is.
    """
    log = MemoryCallLog()
    careful = RunOptions(on_unknown="fail")
    provider = ScriptedProvider(TimedOut("late", outcome="unknown"))
    first = await bench(ask("a"), provider=provider, log=log, options=careful).run_one()

    second = bench(ask("a"), log=log.new_run(), options=careful)
    again = await second.run_one()
    third = await bench(ask("a"), log=log.new_run()).run_one()

    assert statuses(first) == statuses(again) == {"a": "errored"}
    assert "--on-unknown retry" in (again["a"].error or "")
    assert second.provider.journal == []
    assert third["a"].output == "hello"


@pytest.mark.parametrize("options", [{}, {"recall": False}])
async def test_a_fresh_run_sends_each_cell_once(options: dict[str, Any]) -> None:
    """
    Given recorded answers to two rows that are equal and one that is not,
    when they run again with --fresh, or their step says `recall: false`,
    then each request is sent once and its answer is the newest from then on.
    """
    rows = ({"word": "hi"}, {"word": "hi"}, {"word": "you"})
    log = MemoryCallLog()
    await bench(ask("a"), provider=ScriptedProvider("old"), rows=rows, log=log).run()

    run = RunOptions(fresh=not options, max_concurrency=1)
    fresh = bench(
        ask("a", **options), provider=ScriptedProvider("new"), rows=rows, log=log.new_run(), options=run
    )
    await fresh.run()
    later = await bench(ask("a"), rows=rows, log=log.new_run()).run()

    assert sorted(texts(fresh.provider.journal)) == ["say hi", "say you"]
    assert [trial.outputs for trial in later] == ["new"] * 3


async def test_a_step_without_recall_is_not_served_by_one_with_it() -> None:
    """
    Given a recorded answer, and two steps that ask for it at once, one of them with `recall: false`,
    when both run,
    then the one recalls and the other buys.
    """
    log = MemoryCallLog()
    await bench(ask("a"), provider=ScriptedProvider("old"), log=log).run()

    one = bench(ask("a"), ask("b", recall=False), provider=ScriptedProvider("new"), log=log.new_run())
    steps = await one.run_one()

    assert (steps["a"].output, steps["b"].output) == ("old", "new")
    assert len(one.provider.journal) == 1


async def test_a_function_is_called_with_its_with() -> None:
    """
    Given a python step,
    when it runs,
    then its output is what the function returned, and it counts as no call of the run.
    """
    function = {"python": "f.py:join", "with": {"a": "{{ word }}", "b": [1, "{{ word }}"]}}
    one = bench({"id": "p", **function}, functions={"f.py:join": lambda a, b: {"a": a, "b": b}})

    steps = await one.run_one()

    assert (steps["p"].status, steps["p"].output) == ("passed", {"a": "hi", "b": [1, "hi"]})
    assert (steps["p"].cost_usd, steps["p"].spent_usd) == (0.0, 0.0)
    assert (one.counts.sent, one.counts.attempts, one.counts.recalled) == (0, 0, 0)
    assert isinstance(one.log, MemoryCallLog)
    assert one.log.attempts == {}


@pytest.mark.parametrize(("recall", "calls"), [(None, 1), (False, 1), (True, 0)])
async def test_a_function_is_recalled_by_later_runs_if_it_says_so(recall: bool | None, calls: int) -> None:  # noqa: FBT001
    """
    Given a python step that ran in an earlier run,
    when it runs again over two equal rows,
    then the function is called once for both, or not at all if the step says `recall: true`.
    """
    step: dict[str, Any] = {"id": "p", "python": "f.py:now", "with": {"a": "{{ word }}"}}
    step = step if recall is None else {**step, "recall": recall}
    functions = {"f.py:now": lambda a: a}
    log = MemoryCallLog()
    await bench(step, functions=functions, log=log).run()

    later = bench(step, functions=functions, log=log.new_run(), rows=ONE_ROW * 2)
    await later.run()

    assert later.called == ["now"] * calls


async def test_a_function_that_raises_is_an_error_of_its_step() -> None:
    """
    Given a function that raises,
    when its step runs,
    then the step errors with what it said; the next run calls it again.
    """

    def fail() -> None:
        raise ValueError("no such order")

    log = MemoryCallLog()
    step = {"id": "p", "python": "f.py:fail", "recall": True}
    steps = await bench(step, functions={"f.py:fail": fail}, log=log).run_one()
    later = bench(step, functions={"f.py:fail": lambda: 1}, log=log.new_run())

    again = await later.run_one()

    assert (steps["p"].status, steps["p"].error, steps["p"].error_kind) == (
        "errored",
        "no such order",
        "code",
    )
    assert again["p"].output == 1


async def test_an_interrupted_run_calls_no_more_functions() -> None:
    """
    Given a run that is interrupted while its first step is asked,
    when that is answered,
    then the function after it is not called, and the trial is left.
    """
    provider = ScriptedProvider("hello")
    provider.gate = asyncio.Event()
    step = {"id": "p", "python": "f.py:f", "needs": ["a"]}
    one = bench(ask("a"), step, provider=provider, functions={"f.py:f": lambda: 1})
    running = asyncio.create_task(one.run())
    while not provider.journal:
        await asyncio.sleep(0)

    one.brake.pull("interrupted", "Ctrl-C")
    provider.gate.set()
    trials = await running

    assert (trials, one.called) == ([], [])


async def test_usage_is_of_the_answers_only() -> None:
    """
    Given an answer with usage of its own,
    when the trial ends,
    then its cost, latency and tokens are those of the answer.
    """
    one = bench(ask("a"), provider=ScriptedProvider("hi", usage=Usage(1_000_000, 0)))

    (trial,) = await one.run()

    assert (trial.cost_usd, trial.spent_usd, trial.steps[0].input_tokens) == (1.0, 1.0, 1_000_000)
