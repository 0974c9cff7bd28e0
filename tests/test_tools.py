"""The loop of a step with tools, in memory."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from promptlab.core.json import JSON
from promptlab.engine.assembly import RunOptions
from promptlab.engine.call_log import MemoryCallLog
from promptlab.schemas.events import CallRecalled
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import StepResult
from tests.engine_kit import Bench, PythonFunction, ask
from tests.scripted import Scripted, ScriptedProvider, calls

STATUS = "tools/orders.py:status"
STOCK = "tools/orders.py:stock"
ASKS = calls(("status", {"order": "A1"}))


def bench(*answers: Scripted, functions: Mapping[str, PythonFunction] | None = None, **options: Any) -> Bench:
    """Give a pipeline whose one step has two tools; `options` are the step's."""
    known: Mapping[str, PythonFunction] = {
        STATUS: lambda order: f"{order} is on its way",
        STOCK: lambda: [1, 2],
    }
    step = ask("help", "where is it?", **{"tools": [STATUS, STOCK], **options})
    return Bench({"steps": [step]}, ScriptedProvider(*answers), functions={**known, **(functions or {})})


async def ran(one: Bench) -> StepResult:
    return (await one.run_one())["help"]


def again(one: Bench, *answers: Scripted, **changes: Any) -> Bench:
    """Give the same pipeline as another run sees it."""
    assert isinstance(one.log, MemoryCallLog)
    log = one.log.new_run()
    return Bench(
        one.pipeline,
        ScriptedProvider(*answers),
        **{"functions": one.functions, "log": log, **changes},
    )


def sent(one: Bench) -> list[list[dict[str, JSON]]]:
    """Give the messages of each request that left."""
    return [[message.as_json() for message in request.messages] for request in one.provider.journal]


def told(one: Bench) -> str:
    """Give the text of the last message of the last request."""
    return one.provider.journal[-1].messages[-1].text


async def test_what_a_tool_gives_goes_back_to_the_model() -> None:
    """
    Given a model that calls a tool and then answers,
    when the step runs,
    then the model hears of the tools, is asked again with the result, and its answer is the output.
    """
    one = bench(ASKS, "It comes tomorrow.")

    step = await ran(one)

    call = {"id": "c0", "name": "status", "arguments": '{"order":"A1"}'}
    said = [
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "A1 is on its way", "tool_call_id": "c0"},
    ]
    asked = {"role": "user", "content": "where is it?"}
    assert [tool.name for tool in one.provider.journal[0].tools] == ["status", "stock"]
    assert sent(one) == [[asked], [asked, *said]]
    assert (step.status, step.output) == ("passed", "It comes tomorrow.")
    assert list(step.messages) == [asked, *said, {"role": "assistant", "content": "It comes tomorrow."}]
    assert step.said == 3


async def test_a_result_that_is_no_text_goes_back_as_json() -> None:
    """
    Given a tool that returns a list,
    when a model calls it,
    then the model is told the list as JSON.
    """
    one = bench(calls(("stock", {})), "done")

    await ran(one)

    assert told(one) == "[1, 2]"


async def test_several_calls_of_a_turn_run_side_by_side() -> None:
    """
    Given two tools that each wait until the other one was called, and a model that calls both in a turn,
    when the step runs,
    then both end, and their results are told in the order of the calls.
    """
    both = asyncio.Barrier(2)

    async def status(order: str) -> str:
        await both.wait()
        return order

    async def stock() -> int:
        await both.wait()
        return 7

    asks = calls(("stock", {}), ("status", {"order": "B2"}))
    one = bench(asks, "done", functions={STATUS: status, STOCK: stock})

    await ran(one)

    results = [(message.tool_call_id, message.text) for message in one.provider.journal[1].messages[2:]]
    assert results == [("c0", "7"), ("c1", "B2")]


def fails(order: str) -> str:
    raise ValueError(f"tools/orders.py:3: KeyError: {order}")


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("statsu", {}, "error: there is no tool 'statsu'; did you mean 'status'?"),
        ("status", "{order: A1}", "error: the arguments of status are no JSON: "),
        ("status", '{"order": NaN}', "error: the arguments of status are no JSON: Out of range"),
        ("status", '{"order": 1e999}', "error: the arguments of status are no JSON: Out of range"),
        ("status", "[" * 100_000, "error: the arguments of status are no JSON: "),
        ("status", "[1]", "error: the arguments of status are no JSON object"),
        (
            "status",
            "",
            "error: the arguments of status do not fit its schema: 'order' is a required property",
        ),
        (
            "status",
            {"order": 1},
            "error: the arguments of status do not fit its schema: order: 1 is not of type",
        ),
        ("status", {"order": "A1"}, "error: tools/orders.py:3: KeyError: A1"),
    ],
)
async def test_what_is_wrong_with_a_call_is_told_to_the_model(
    name: str, arguments: object, says: str
) -> None:
    """
    Given a model that calls a tool that is not there, with arguments that are none, or that raises,
    when the step runs,
    then the model is told what is wrong, and the step goes on.
    """
    one = bench(calls((name, arguments)), "I see.", functions={STATUS: fails})

    step = await ran(one)

    assert told(one).startswith(says)
    assert (step.status, step.output) == ("passed", "I see.")


async def test_a_model_that_does_not_stop_calling_is_stopped() -> None:
    """
    Given a model that always calls a tool,
    when the step has had its turns,
    then it errors and says so, no tool was run for nobody, and the conversation is kept.
    """
    one = bench(ASKS, max_turns=2)

    step = await ran(one)

    assert (step.status, step.error_kind) == ("errored", "max_turns")
    assert step.error == "the model still called tools after 2 turns; `max_turns` says how many"
    assert len(one.provider.journal) == 2
    assert one.called == ["status"]
    assert [message["role"] for message in step.messages] == ["user", "assistant", "tool", "assistant"]


async def test_a_step_accounts_for_all_its_turns() -> None:
    """
    Given a step that takes three turns, each of 10 and 5 tokens,
    when it ends,
    then tokens, cost and attempts are those of the turns; uses of tools are listed, but are no attempts.
    """
    one = bench(ASKS, calls(("stock", {})), "done")

    step = await ran(one)

    assert (step.input_tokens, step.output_tokens, step.attempts) == (30, 15, 3)
    assert step.cost_usd == pytest.approx(3 * (10 * 1 + 5 * 2) / 1e6)
    assert step.finish_reason == "stop"
    assert [call.tool for call in step.calls] == [False, True, False, True, False]
    assert (one.counts.sent, one.counts.attempts) == (3, 3)


async def test_the_last_answer_is_parsed() -> None:
    """
    Given a step whose output has a schema,
    when the model calls a tool and then answers as the schema asks,
    then each turn had the schema, and the output is the value.
    """
    schema = {"type": "object", "properties": {"days": {"type": "integer"}}}
    one = bench(ASKS, '{"days": 2}', output={"schema": schema})

    step = await ran(one)

    assert step.output == {"days": 2}
    assert [request.json_schema for request in one.provider.journal] == [schema, schema]


async def test_a_complaint_comes_after_what_the_tools_said() -> None:
    """
    Given a step that asks again where the answer is not what was asked for,
    when a model answers badly after it called a tool, and calls it again before it answers well,
    then it is told of the mistake behind the whole conversation, and the tool is run anew.
    """
    once_more: dict[str, Any] = {
        "retry": {"max_attempts": 2, "on": ["invalid_output"]},
        "output": {"enum": ["yes", "no"]},
    }
    one = bench(ASKS, "perhaps", ASKS, "yes", **once_more)

    step = await ran(one)

    roles = [message["role"] for message in step.messages]
    assert (step.status, step.output) == ("passed", "yes")
    assert roles == ["user", "assistant", "tool", "assistant", "user", "assistant", "tool", "assistant"]
    assert [len(request.messages) for request in one.provider.journal] == [1, 3, 5, 7]
    assert sent(one)[-1] == list(step.messages[:-1])
    assert one.called == ["status", "status"]


async def test_a_tool_that_is_asked_again_is_run_again() -> None:
    """
    Given a tool that counts, and a model that calls it twice with the same arguments in one conversation,
    when the step runs, and runs again in the same log,
    then the second call got a new result, and the second run recalls both answers.
    """
    count = iter(range(10))
    one = bench(
        calls(("stock", {})),
        calls(("stock", {})),
        "done",
        functions={STOCK: lambda: next(count)},
        recall=True,
    )

    first = await ran(one)
    other = again(one, "never")
    second = await ran(other)

    results = [message["content"] for message in first.messages if message["role"] == "tool"]
    assert results == ["0", "1"]
    assert second.messages == first.messages
    assert other.called == []


async def test_a_run_again_sends_nothing() -> None:
    """
    Given a step with a tool that ran,
    when it is run again and the tool gives the same,
    then the tool was run again, no request left, and the step counts as recalled with its first cost.
    """
    one = bench(ASKS, "done")
    first = await ran(one)

    other = again(one, "never")
    second = await ran(other)

    assert other.provider.journal == []
    assert other.called == ["status"]
    assert (second.recalled, second.attempts, second.spent_usd) == (True, 0, 0.0)
    assert (second.output, second.cost_usd, second.messages) == ("done", first.cost_usd, first.messages)
    assert len(other.heard.of(CallRecalled)) == 2


async def test_a_new_result_asks_anew_from_there_on() -> None:
    """
    Given a step with a tool that ran,
    when it is run again and the tool gives something else,
    then the first turn is recalled, and the second one sent.
    """
    one = bench(ASKS, "done")
    await ran(one)

    other = again(one, "new", functions={**one.functions, STATUS: lambda **_: "lost"})
    step = await ran(other)

    assert (step.output, told(other), len(other.provider.journal)) == ("new", "lost", 1)


async def test_recall_keeps_what_tools_gave() -> None:
    """
    Given a step that says `recall: true` and ran,
    when it is run again,
    then its tool is not run again.
    """
    one = bench(ASKS, "done", recall=True)
    await ran(one)

    other = again(one, "never")
    step = await ran(other)

    assert (other.called, other.provider.journal, step.output) == ([], [], "done")


async def test_fresh_runs_and_asks_all_anew() -> None:
    """
    Given a step that says `recall: true` and ran,
    when it is run again with --fresh,
    then its tool is run and the model asked again.
    """
    one = bench(ASKS, "done", recall=True)
    await ran(one)

    other = again(one, ASKS, "new", options=RunOptions(fresh=True))
    step = await ran(other)

    assert (other.called, len(other.provider.journal), step.output) == (["status"], 2, "new")


async def test_other_tools_are_another_request() -> None:
    """
    Given a step with tools that ran,
    when it is run again without one of them,
    then it is asked anew.
    """
    one = bench("done")
    await ran(one)

    pipeline = {"steps": [ask("help", "where is it?", tools=[STATUS])]}
    other = Bench(pipeline, ScriptedProvider("new"), functions=one.functions, log=one.log)
    step = await ran(other)

    assert step.output == "new"


async def test_the_timeout_is_of_the_whole_loop() -> None:
    """
    Given a tool that does not end and a step with a timeout,
    when the model calls it,
    then the step errors when its time is over.
    """

    async def status(order: str) -> str:
        await asyncio.Event().wait()
        return order

    one = bench(ASKS, "never", functions={STATUS: status}, timeout=0.05)

    step = await ran(one)

    assert (step.status, step.error_kind) == ("errored", "timeout")


async def test_an_interrupted_loop_is_left_and_goes_on_where_it_was() -> None:
    """
    Given a run that is ended while a tool runs,
    when another run takes it up,
    then the step was left, not errored, and of the turns only the missing one is sent.
    """

    def status(order: str) -> str:
        one.brake.end()
        return order

    one = bench(ASKS, functions={STATUS: status})
    await one.run()

    other = again(one, "done", functions={**one.functions, STATUS: lambda order: order})
    step = await ran(other)

    assert one.trials == []
    assert (step.output, len(other.provider.journal)) == ("done", 1)


async def test_a_limit_holds_for_each_turn() -> None:
    """
    Given a limit of one request,
    when a model calls a tool,
    then the second turn is not sent, and the trial is left for a later run.
    """
    one = bench(ASKS, "never")
    limited = again(one, ASKS, "never", options=RunOptions(limits=Limits(requests=1)))

    await limited.run()

    assert len(limited.provider.journal) == 1
    assert limited.trials == []


async def test_calls_that_no_tool_of_ours_answers_end_the_turn() -> None:
    """
    Given a step without tools whose model calls one that `extra` told it of,
    when it runs,
    then its text is the output, and the conversation keeps the calls.
    """
    one = bench(replace(ASKS, text="Let me look."), tools=[])

    step = await ran(one)

    assert (step.output, len(one.provider.journal)) == ("Let me look.", 1)
    assert step.messages[-1]["tool_calls"] == [ASKS.tool_calls[0].as_json()]
