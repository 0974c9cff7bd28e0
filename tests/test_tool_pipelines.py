"""Tools in pipelines: what is wrong with them is found before the first call; a run over real parts."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Lab
from tests.loading_kit import Loaded, load

ORDERS = '''\
from pathlib import Path

def status(order: str) -> str:
    """Say where an order is."""
    with Path("calls.txt").open("a") as calls:
        calls.write(f"{order}\\n")
    if order == "none":
        raise LookupError("no such order")
    return f"{order} is on its way"

def untyped(order, limit: int = 1): ...
def wide(**orders: str): ...
'''
STEP = {
    "id": "reply",
    "prompt": "prompts/say.j2",
    "tools": ["tools/orders.py:status"],
    "checks": [{"contains": "tomorrow"}],
}
CALLS: dict[str, Any] = {
    "text": "",
    "tool_calls": [{"name": "status", "arguments": {"order": "A1"}, "id": "c1"}],
}
ANSWERS = ({"body": r'"role": ?"tool"', "answer": "It comes tomorrow."}, {"answer": CALLS})


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    """Give a project with one row whose step has a tool, and a provider that calls it once and answers."""
    made = Lab(tmp_path, fake_provider.base_url)
    made.write("tools/orders.py", ORDERS)
    made.write_pipeline(steps=[STEP])
    made.write_rows(1)
    fake_provider.script(*ANSWERS)
    return made


def with_tools(tools: str, *, model: str = "openai/gpt-4o-mini") -> Loaded:
    pipeline = (
        "version: 1\ndataset: [{a: b}]\nsteps:\n  - id: reply\n"
        f"    messages: [{{role: user, content: hi}}]\n    tools: {tools}\n"
    )
    return load(pipeline, {"tools/orders.py": ORDERS, "tools/more.py": ORDERS}, model=model)


@pytest.mark.parametrize(
    ("tools", "problem", "hint"),
    [
        ("[tools/orders.py:statsu]", "6:13: steps.tools: no function 'statsu'", "did you mean 'status'?"),
        ("[tools/order.py:status]", "6:13: steps.tools: no file 'tools/order.py'", "relative to"),
        ("[status]", "6:13: steps.tools: 'status' is not a path.py:function", "write it like"),
        (
            "[tools/orders.py:status, tools/orders.py:untyped]",
            "6:37: steps.tools: tools/orders.py:11: in the tool untyped the parameter 'order' has no",
            "order: str",
        ),
        ("[tools/orders.py:wide]", "'**orders' takes any number", "a parameter of its own"),
        (
            "[tools/orders.py:status, tools/more.py:status]",
            "6:37: steps.tools: there are two tools called 'status'",
            "rename one",
        ),
        ("tools/orders.py:status", "steps.tools must be a list", ""),
    ],
)
def test_what_is_wrong_with_a_tool_is_found_at_its_line(tools: str, problem: str, hint: str) -> None:
    """
    Given a step that names a tool that is not there, twice, or without type hints,
    when the pipeline is loaded,
    then the problem stands at the tool's line, and says what to do.
    """
    (found,) = (loaded := with_tools(tools)).problems

    assert problem in found
    assert hint in (loaded.hints[0] or "")


@pytest.mark.parametrize(
    ("tools", "problems"),
    [
        ("", ["5:52: step 'a' has `max_turns`, but no `tools` whose turns it could count"]),
        (", tools: []", []),
        (", tools: [tools/orders.py:status]", []),
    ],
)
def test_turns_without_tools_are_a_problem(tools: str, problems: list[str]) -> None:
    """
    Given a step that says `max_turns`, without tools, with none of them, and with one,
    when it is loaded,
    then only the first is told, at its key.
    """
    step = f"{{id: a, messages: [{{role: user, content: hi}}], max_turns: 3{tools}}}"
    pipeline = f"version: 1\ndataset: [{{a: b}}]\nmodel: openai/gpt-4o-mini\nsteps:\n  - {step}\n"

    assert load(pipeline, {"tools/orders.py": ORDERS}).problems == problems


def test_a_model_that_takes_no_tools_is_a_problem() -> None:
    """
    Given a step with a tool on a model that takes none,
    when the pipeline is loaded,
    then that is a problem before any call.
    """
    loaded = with_tools("[tools/orders.py:status]", model="echo/echo")

    assert loaded.problems == ["4:9: step 'reply': echo/echo takes no tools"]


def test_a_tool_with_another_is_loaded_with_its_schema() -> None:
    """
    Given a step with a typed tool,
    when the pipeline is loaded,
    then the step offers it, and its file belongs to the run.
    """
    ready = with_tools("[tools/orders.py:status]").ready

    (tool,) = ready.spec.steps[0].tools
    assert (tool.offered.name, tool.offered.description) == ("status", "Say where an order is.")
    assert "tools/orders.py" in ready.files.files_read


def test_a_tool_is_called_over_real_parts(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a provider that calls a tool and then answers,
    when the pipeline is run twice,
    then the tool's result reached the provider, and the second run sent nothing though the tool ran again.
    """
    first = lab.command("run", "words", "--json", "--out", "out.jsonl")
    second = lab.command("run", "words", "--json", "--out", "again.jsonl")

    asked, told = fake_provider.requests()
    step, again = (
        json.loads((lab.root / name).read_text())["steps"]["reply"] for name in ("out.jsonl", "again.jsonl")
    )
    call = {"name": "status", "arguments": {"order": "A1"}, "result": "A1 is on its way"}
    assert (first.code, first.summary["calls"]) == (0, {"sent": 2, "attempts": 2, "recalled": 0})
    assert (second.code, second.summary["calls"]) == (0, {"sent": 0, "attempts": 0, "recalled": 2})
    assert asked.body["tools"][0]["function"]["parameters"]["required"] == ["order"]
    assert told.body["messages"][-1] == {"role": "tool", "tool_call_id": "c1", "content": "A1 is on its way"}
    assert (step["output"], step["attempts"], step["tool_calls"]) == ("It comes tomorrow.", 2, [call])
    assert (again["recalled"], again["tool_calls"]) == (True, [call])
    assert (lab.root / "calls.txt").read_text() == "A1\nA1\n"


def test_a_killed_run_goes_on_with_the_turn_that_is_missing(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that is killed while the second turn of a tool loop is on its way,
    when it is run again,
    then the first turn, calls of tools included, comes from the log, and only the second is sent anew.
    """
    fake_provider.script({"body": r'"role": ?"tool"', "fault": "hang", "first": 1}, *ANSWERS)
    process = lab.start("run", "words")
    fake_provider.wait_for_requests(2)
    process.kill()
    process.communicate(timeout=60)

    again = lab.command("run", "words", "--json")

    assert (again.code, again.summary["trials"]["passed"]) == (0, 1), again.err
    assert again.summary["calls"] == {"sent": 1, "attempts": 1, "recalled": 1}
    assert fake_provider.sent_count == 3


def test_a_tool_that_raises_is_told_to_the_model(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a tool that raises,
    when the model calls it,
    then the model is told what was raised, and the trial passes by the model's answer.
    """
    calls = [{"name": "status", "arguments": {"order": "none"}, "id": "c1"}]
    fake_provider.script(ANSWERS[0], {"answer": {"text": "", "tool_calls": calls}})

    lab.run()

    said = fake_provider.requests()[1].body["messages"][-1]["content"]
    assert [trial.status for trial in lab.trials] == ["passed"]
    assert said.startswith("error: ")
    assert "no such order" in said


def test_no_python_refuses_tools(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a pipeline with a tool,
    when it is run with --no-python,
    then it is refused before any call.
    """
    ended = lab.command("run", "words", "--no-python")

    assert ended.code == 2
    assert "runs tools/orders.py" in ended.err
    assert fake_provider.sent_count == 0


def test_a_conversation_with_tools_can_be_spliced_into_another(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a step whose model called a tool, and a later one that goes on with its conversation,
    when the pipeline is run,
    then the later request has the call and its result in their places.
    """
    lab.write("prompts/more.j2", "{% messages reply.messages %}Thank you. And now?")
    more = {"id": "more", "prompt": "prompts/more.j2"}
    lab.write_pipeline(steps=[STEP, more])

    lab.run()

    messages = fake_provider.requests()[-1].body["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "user"]
    assert messages[1]["tool_calls"][0]["function"] == {"name": "status", "arguments": '{"order": "A1"}'}
    assert messages[2] == {"role": "tool", "tool_call_id": "c1", "content": "A1 is on its way"}


def test_steps_behind_a_loop_of_tools_are_rendered_and_planned(lab: Lab) -> None:
    """
    Given a run of a step with a tool that is not kept across runs, and of a step that needs its answer,
    when both are rendered and planned afterwards,
    then what the tool gave last stands for what it will give; the plan has what hangs on it as open.
    """
    more = {"id": "more", "messages": [{"role": "user", "content": "Repeat: {{ reply.output }}"}]}
    lab.write_pipeline(steps=[{**STEP, "max_turns": 3}, more])
    lab.command("run", "words")

    rendered = lab.command("render", "words", "--step", "more")
    planned = lab.command("plan", "words", "--json").summary["pipelines"][0]["steps"]

    assert (rendered.code, "Repeat: It comes tomorrow." in rendered.out) == (0, True)
    counts = [(step["call"], step["recall"], step["open"], step["run"]) for step in planned]
    assert counts == [(0, 1, 2, 1), (0, 0, 1, 0)]


def test_a_step_behind_a_tool_that_raised_is_not_rendered_and_says_why(
    lab: Lab, fake_provider: FakeProvider
) -> None:
    """
    Given a run in which a tool raised, of which nothing is kept, and a step that needs the answer behind it,
    when both are rendered,
    then the first is shown up to its call, and the tool is named, not an answer that a run would ask for.
    """
    calls = {"text": "", "tool_calls": [{"name": "status", "arguments": {"order": "none"}, "id": "c1"}]}
    fake_provider.script(ANSWERS[0], {"answer": calls})
    more = {"id": "more", "messages": [{"role": "user", "content": "Repeat: {{ reply.output }}"}]}
    lab.write_pipeline(steps=[STEP, more])
    lab.command("run", "words")

    rendered = lab.command("render", "words")
    alone = lab.command("render", "words", "--step", "reply")

    assert (rendered.code, alone.code) == (2, 0)
    assert "step 'more' needs the answer of 'reply', which is not recorded" in rendered.err
    assert "hangs on what the tool 'status' gives, which is not recorded: nothing is kept" in rendered.err
    assert "step 'reply' goes on with what the tool 'status' gives" in alone.err
    assert alone.out.endswith('→ status({"order": "none"})\n')


def test_what_a_step_said_with_tools_is_shown(lab: Lab) -> None:
    """
    Given a run with calls of tools,
    when a trial of it is shown, and its messages are rendered,
    then the calls and their results are there.
    """
    lab.command("run", "words")

    shown = lab.command("runs", "show", "last", "--row", "0")
    rendered = lab.command("render", "words")

    for said in ('→ status({"order": "A1"})', "A1 is on its way"):
        assert said in shown.out
        assert said in rendered.out


def test_a_history_in_the_form_of_openai_is_taken(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a row whose history has calls of tools as OpenAI writes them,
    when the pipeline is run,
    then they are sent.
    """
    call = {"id": "c9", "type": "function", "function": {"name": "status", "arguments": "{}"}}
    as_object = {**call, "function": {"name": "status", "arguments": {}}}
    history = [
        {"role": "user", "content": "where?"},
        {"role": "assistant", "content": None, "refusal": None, "tool_calls": [as_object]},
        {"role": "tool", "content": "there", "tool_call_id": "c9"},
    ]
    lab.write("prompts/say.j2", "{% messages history %}And?")
    lab.write_pipeline(inputs={"history": "messages"}, steps=[PIPELINE["steps"][0] | {"checks": []}])
    lab.write("data/rows.jsonl", json.dumps({"history": history}))

    lab.run()

    messages = fake_provider.requests()[0].body["messages"]
    assert messages[1]["tool_calls"] == [call]
    assert messages[2]["tool_call_id"] == "c9"
