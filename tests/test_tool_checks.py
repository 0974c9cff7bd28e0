"""Checks of tool calls: where the calls are found, and what is said of them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from promptlab.core.json import JSON
from promptlab.engine.check import Subject
from promptlab.engine.checks.called import calls_of, read_calls, turns_of
from promptlab.engine.checks.tool_args import includes
from promptlab.engine.checks.tool_names import in_order
from promptlab.schemas.run import StepResult
from tests.engine_kit import Bench, ask
from tests.judged import evidence, read, step, verdict, verdicts
from tests.scripted import ScriptedProvider, calls
from tests.structure_samples import STATUS, TODAY, TOOLS, said, tool_calls

ORDERS = "tools/orders.py:status"


def subject(*results: StepResult, output: JSON = None) -> Subject:
    return Subject(output=output, results=results, evidence=evidence(*results))


@pytest.mark.parametrize(
    "value",
    [
        TODAY[0],
        TODAY,
        {"role": "assistant", "content": None, "tool_calls": list(TODAY)},
        {"name": "status", "arguments": '{"order": "A1"}'},
        {"function_call": {"name": "status", "arguments": '{"order": "A1"}'}},
        {"type": "function_call", "call_id": "c", "name": "status", "arguments": '{"order": "A1"}'},
        [{"name": "status", "arguments": {"order": "A1"}}],
        {"type": "tool_use", "id": "t", "name": "status", "input": {"order": "A1"}},
        [{"type": "text", "text": "…"}, {"type": "tool_use", "name": "status", "input": {"order": "A1"}}],
        {"functionCall": {"name": "status", "args": {"order": "A1"}}},
        {"toolCall": {"functionCalls": [{"name": "status", "args": {"order": "A1"}}]}},
    ],
)
def test_calls_are_read_in_the_form_of_every_vendor(value: JSON) -> None:
    """
    Given one call as a vendor writes it,
    when it is read,
    then its name and arguments are known.
    """
    (call,) = read_calls(value)

    assert (call.name, call.read_arguments()) == STATUS


def test_calls_are_those_that_the_models_made() -> None:
    """
    Given a step whose prompt has a call in its history, with a step inside it, and an output that looks like
    a call,
    when its calls are asked for,
    then they are those that its models made, in order, and the turns count both.
    """
    history: dict[str, JSON] = {"role": "assistant", "tool_calls": [{"name": "old", "arguments": "{}"}]}
    inner = said(("inner", "{}"), None)
    outer = step("x", messages=(history, *said(("outer", "{}")).messages), said=1, inner=(inner,))

    found = subject(outer, output=list(TODAY))

    assert [call.name for call in calls_of(found)] == ["outer", "inner"]
    assert turns_of(found) == 3


def test_without_calls_of_its_own_the_output_is_read() -> None:
    """
    Given a step whose model called nothing, and an output that is a call,
    when its calls are asked for,
    then it is the output's.
    """
    assert [call.name for call in calls_of(subject(said(None), output=list(TODAY)))] == ["status"]


async def test_calls_are_held_to_the_tools_of_their_step() -> None:
    """
    Given a step with a tool, whose model calls it well, or wrongly and then well,
    when its pipeline runs with checks of its calls,
    then they know the tool's schema, what was called and how many turns it took.
    """
    well, wrongly = calls(("status", {"order": "A1"})), calls(("status", {"order": 5}))
    checks: list[JSON] = [
        "is-valid-function-call",
        "is-valid-openai-tools-call",
        {"tools-called": "status"},
        {"tool-args-match": {"name": "status", "args": {"order": "A1"}}},
        {"turns": 2},
        {"finish-reason": "stop"},
    ]
    seen = []
    for answers in ((well, "done"), (wrongly, well, "done")):
        steps = [ask("help", "where is it?", tools=[ORDERS], checks=checks)]
        bench = Bench({"steps": steps}, ScriptedProvider(*answers), functions={ORDERS: lambda order: order})
        seen.append((await bench.run_one())["help"].verdicts)

    assert [one.status for one in seen[0]] == ["passed"] * 6
    assert [one.status for one in seen[1]] == ["failed", "failed", "passed", "passed", "failed", "passed"]
    assert "do not fit its schema: order: 5 is not of type 'string'" in seen[1][0].reason
    assert seen[1][4].reason == "took 3 turns, not 2"


async def test_the_outputs_are_held_to_the_tools_of_inner_steps() -> None:
    """
    Given a foreach whose inner step has a tool,
    when the pipeline's own check looks at its calls,
    then it knows the schema of the inner step's tool.
    """
    inner = ask("help", "where is {{ item }}?", tools=[ORDERS])
    steps = [{"id": "each", "foreach": "[1, 2]", "max_concurrency": 1, "steps": [inner]}]
    pipeline = {"steps": steps, "checks": ["is-valid-function-call", {"turns": 4}]}
    provider = ScriptedProvider(calls(("status", {"order": "A1"})), "done", calls(("status", {})), "done")
    bench = Bench(pipeline, provider, functions={ORDERS: lambda order: order})

    (trial,) = await bench.run()

    assert [one.status for one in trial.verdicts] == ["failed", "passed"]
    assert "'order' is a required property" in trial.verdicts[0].reason


async def test_calls_of_nobody_knows_which_functions_are_an_error() -> None:
    """
    Given an output that is a call, of a step without tools,
    when it is asked whether it is valid, without functions as value,
    then that is an error that says what to do.
    """
    verdict_ = await verdict("is-valid-function-call", list(TODAY))

    assert (verdict_.status, verdict_.reason) == (
        "errored",
        "it is not known what functions there are: say them as `value`",
    )


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (("stat", "{}"), "calls 'stat', which is no function; did you mean 'status'?"),
        (("status", "{"), "the arguments of status are no JSON: "),
        (("status", "[]"), "the arguments of status are no JSON object"),
        (
            ("status", '{"order": 1e999}'),
            "the arguments of status are no JSON: the number 1e999 is too large",
        ),
        (
            ("status", '{"order": 1}'),
            "the arguments of status do not fit its schema: order: 1 is not",
        ),
    ],
)
async def test_what_is_wrong_with_a_call_is_told(made: tuple[str, str], reason: str) -> None:
    """
    Given a call that cannot be made as it stands,
    when it is judged,
    then the reason says what is wrong with it.
    """
    found = await verdict({"is-valid-function-call": TOOLS}, said(made))

    assert found.status == "failed"
    assert found.reason.startswith(reason)


async def test_too_many_calls_are_an_error() -> None:
    """
    Given more calls than can be held to schemas in a moment,
    when they are judged,
    then that is an error.
    """
    found = await verdict({"is-valid-function-call": TOOLS}, tool_calls(*[STATUS] * 201))

    assert found.status == "errored"


async def test_f1_weighs_what_is_missing_and_what_is_too_much() -> None:
    """
    Given one right call of three, of two that were expected,
    when it is scored,
    then precision is 1/3, recall 1/2 and F1 their harmonic mean.
    """
    made = said(("a", ""), ("x", ""), ("y", ""))

    (found,) = await verdicts(
        [{"type": "tool-call-f1", "value": ["a", "b"], "threshold": 0.5}], evidence(made)
    )

    assert found.score == pytest.approx(0.4)
    assert found.status == "failed"


async def test_called_tools_are_scored_by_the_share_that_was_called() -> None:
    """
    Given one of two tools that was called,
    when it is held to both with a threshold of a half,
    then it passes.
    """
    found = await verdict({"type": "tools-called", "value": "a, b", "threshold": 0.5}, said(("b", "")))

    assert (found.status, found.score) == ("passed", 0.5)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"tools-called": []}, "no tool is listed"),
        ({"type": "tools-called", "value": ["a"], "order": "some"}, "Input should be 'any', 'exact' or"),
        ({"tool-call-f1": []}, "must be a list of names of tools"),
        ({"tool-call-f1": ["a", 1]}, "must be a list of names of tools"),
        ({"tool-args-match": {"name": "f"}}, "must be a map of `name`, `args`"),
        ({"tool-args-match": {"name": "f", "args": {}, "mode": "some"}}, "must be a map of `name`, `args`"),
        ({"is-valid-function-call": [{"parameters": {}}]}, "must be a list of tools"),
        ({"is-valid-function-call": {"name": "f", "parameters": {"type": "x"}}}, "not a JSON Schema"),
        ({"turns": "many"}, "it must be a whole number of turns"),
        ({"turns": {"min": float("inf")}}, "min must be a whole number of turns"),
    ],
)
def test_a_wrong_value_is_refused(source: JSON, message: str) -> None:
    """
    Given a check whose value is wrong,
    when it is read,
    then the reason is told.
    """
    with pytest.raises(ValueError, match=r"1 validation error") as refused:
        read(source)

    assert message in str(refused.value)


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


@settings(max_examples=50)
@given(values, values)
def test_a_value_includes_itself_and_what_has_keys_more(value: JSON, other: JSON) -> None:
    """
    Given any value,
    when it gets a key more,
    then it still includes what it was, and not the other way round.
    """
    more: JSON = {"value": value, "more": other}

    assert includes(value, value)
    assert includes(more, {"value": value})
    assert not includes({"value": value}, more)


@given(st.lists(st.sampled_from("abc"), max_size=6), st.lists(st.sampled_from("abc"), max_size=6))
def test_what_is_found_in_order_can_be_crossed_out(wanted: list[str], called: list[str]) -> None:
    """
    Given names that are wanted and names that were called,
    when they are looked for in order,
    then as many are found as can be crossed out one after the other.
    """
    rest, count = list(called), 0
    for name in wanted:
        if name not in rest:
            break
        rest, count = rest[rest.index(name) + 1 :], count + 1

    assert in_order(wanted, called) == count
