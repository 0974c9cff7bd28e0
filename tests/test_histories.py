"""Conversations: those of rows are held to their form before the first call; what a splice takes over."""

import json
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from promptlab.core.json import JSON
from promptlab.engine.provider import ModelProfile
from promptlab.loader.changes import Changes
from promptlab.schemas.history import MalformedHistory, history
from tests.engine_kit import Bench
from tests.loading_kit import load
from tests.nested_kit import Nested
from tests.samples import PNG
from tests.scripted import ScriptedProvider

ASKED = {"role": "user", "content": "Where is it?"}
CALL = {"id": "c1", "type": "function", "function": {"name": "status", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "on its way"}
PICTURE = [{"type": "image", "path": "data/a.png"}]


def problems(*messages: JSON) -> list[str]:
    """Load a pipeline whose one row has a history, and give what is wrong."""
    row = json.dumps({"id": 1, "past": list(messages)})
    pipeline = (
        "version: 1\ninputs: {past: messages}\ndataset: data/rows.jsonl\n"
        "steps: [{id: a, prompt: prompts/a.j2}]\n"
    )
    return load(pipeline, {"data/rows.jsonl": row, "prompts/a.j2": "{% messages past %}And?"}).problems


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [ASKED],
        [ASKED, CALLING, RESULT],
        [ASKED, {"role": "assistant", "tool_calls": [CALL]}, {**RESULT, "name": "status"}],
        [
            ASKED,
            {"role": "assistant", "content": "Hi.", "refusal": None, "annotations": [], "tool_calls": None},
        ],
        [CALLING | {"tool_calls": [{"id": "c1", "name": "status", "arguments": {"order": 1}}]}, RESULT],
        [CALLING | {"tool_calls": [CALL, CALL | {"id": "c2"}]}, RESULT | {"tool_call_id": "c2"}, RESULT],
        [CALLING, RESULT | {"content": ""}, CALLING, RESULT],
        [CALLING, RESULT | {"content": [{"type": "text", "text": "on its way"}]}],
    ],
)
def test_a_history_as_logs_have_it_is_taken(messages: list[JSON]) -> None:
    """
    Given a row with a conversation as vendors' answers are logged, or as our own reports write it,
    when its pipeline is loaded,
    then nothing is wrong.
    """
    assert problems(*messages) == []


@pytest.mark.parametrize(
    ("messages", "problem"),
    [
        (["hi"], "message 0 of 'past' is no object with role and content"),
        ([ASKED, {"content": "hi"}], "message 1 of 'past' has no role"),
        ([{"role": "system", "content": "Obey."}], "message 0 of 'past' has the role 'system'"),
        ([{"role": ["user"], "content": "hi"}], "message 0 of 'past' has the role a list of 1"),
        ([ASKED, {"role": "user"}], "message 1 of 'past' has no content"),
        ([{"role": "user", "content": None}], "message 0 of 'past' has no content"),
        ([{"role": "user", "content": 3}], "message 0 of 'past' has a malformed content"),
        ([{"role": "user", "content": " \n"}], "message 0 of 'past' says nothing"),
        ([{"role": "user", "content": [{"type": "text", "text": ""}]}], "message 0 of 'past' says nothing"),
        ([{"role": "assistant", "content": ""}], "message 0 of 'past' says nothing"),
        ([{"role": "assistant", "content": None}], "message 0 of 'past' has no content"),
        ([RESULT | {"content": None}], "message 0 of 'past' has no content"),
        (
            [ASKED | {"tool_calls": [CALL]}],
            "message 0 of 'past' has tool_calls, which one of the user has not",
        ),
        ([ASKED | {"name": "Ann"}], "message 0 of 'past' has name, which one of the user has not"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:"}}]}],
            "message 0 of 'past' has the part of type 'image_url'",
        ),
        ([{"role": "user", "content": ["hi"]}], "message 0 of 'past' has the part 'hi'"),
        ([{"role": "assistant", "content": PICTURE}], "message 0 of 'past' has a file attached"),
        ([CALLING | {"tool_calls": "x"}], "message 0 of 'past' has tool_calls that are no list"),
        ([CALLING | {"tool_calls": ["x"]}], "message 0 of 'past' lacks the id of a call"),
        ([CALLING | {"tool_calls": [{"id": "1"}]}], "message 0 of 'past' lacks the name of a call"),
        (
            [CALLING | {"tool_calls": [{"id": "1", "name": "a", "arguments": [1]}]}],
            "message 0 of 'past' has a call whose arguments are neither an object nor its JSON text",
        ),
        (
            [CALLING | {"tool_calls": [CALL, CALL]}, RESULT],
            "message 0 of 'past' has two calls of the same id",
        ),
        ([CALLING], "message 0 of 'past' makes the call 'c1', and no result follows"),
        ([CALLING, ASKED, RESULT], "message 0 of 'past' makes the call 'c1', and no result follows"),
        ([ASKED, RESULT], "message 1 of 'past' answers the call 'c1', which is not open there"),
        ([CALLING, RESULT, RESULT], "message 2 of 'past' answers the call 'c1', which is not open there"),
        ([{"role": "tool", "content": "x"}], "message 0 of 'past' lacks the tool_call_id of a result"),
    ],
)
def test_a_malformed_history_is_told_at_its_row(messages: list[JSON], problem: str) -> None:
    """
    Given a row with a conversation that no model takes,
    when its pipeline is loaded,
    then the message is told at the row's line and column, before anything is called.
    """
    assert problems(*messages) == [f"data/rows.jsonl:1:19: {problem}"]


def test_a_history_that_a_pipeline_says_is_held_to_its_form_where_it_stands() -> None:
    """
    Given a pipeline with a malformed history as a default, and one that gives it to another,
    when they are loaded,
    then each is told at its place.
    """
    called = "version: 1\ninputs: {past: messages}\nsteps: [{id: a, messages: [{role: user, content: hi}]}]\n"
    default = (
        "version: 1\ninputs:\n  past:\n    type: messages\n    default:\n      - {role: user, content: hi}\n"
        "      - {role: system, content: Obey.}\nsteps: [{id: a, messages: [{role: user, content: hi}]}]\n"
    )
    given = (
        "version: 1\nsteps:\n  - id: a\n    pipeline: pipelines/b.yaml\n    with: {past: [{role: user}]}\n"
    )

    by_default, by_call = load(default).problems, load(given, {"pipelines/b.yaml": called}).problems

    assert by_default == ["7:9: inputs.past: message 1 has the role 'system'"]
    assert by_call == ["5:18: the input 'past' of pipelines/b.yaml is malformed: message 0 has no content"]


def test_files_of_a_history_that_a_pipeline_says_are_held_to_their_kind() -> None:
    """
    Given a history with an image as a default, and one that a step gives to another pipeline,
    when the image is none, and when the model takes no images,
    then it is told where the path stands, or where the history is spliced.
    """
    past = "[{role: user, content: [{type: image, path: data/a.png}]}]"
    called = (
        f"version: 1\ninputs: {{past: {{type: messages, default: {past}}}}}\n"
        "steps:\n  - {id: a, prompt: prompts/a.j2}\n"
    )
    calling = f"version: 1\nsteps:\n  - id: a\n    pipeline: pipelines/b.yaml\n    with: {{past: {past}}}\n"
    prompt: dict[str, str | bytes] = {"prompts/a.j2": "{% messages past %}And?", "pipelines/b.yaml": called}
    no_image = "'data/a.png' is no PNG, JPEG, GIF or WebP image"
    blind = "prompts/a.j2:1:13: local/smollm2-135m takes no images"

    broken = {**prompt, "data/a.png": b"none"}
    well = {**prompt, "data/a.png": PNG}

    assert load(called, broken).problems == [f"2:86: {no_image}"]
    assert f"5:62: {no_image}" in load(calling, broken).problems
    assert load(called, well, model="local/smollm2-135m").problems == [blind]
    assert load(calling, well, model="local/smollm2-135m").problems == [blind]
    assert load(calling, well, model="openai/gpt-4o-mini").problems == []


@pytest.mark.parametrize("kind", ["string", "array", "object"])
def test_only_inputs_that_are_held_to_be_conversations_are_spliced(kind: str) -> None:
    """
    Given a prompt that splices an input of another type,
    when its pipeline is loaded,
    then it is told where, and what to declare.
    """
    row = {"string": "hi", "array": [], "object": {}}[kind]
    pipeline = {
        "version": 1,
        "inputs": {"past": kind},
        "dataset": [{"past": row}],
        "steps": [{"id": "a", "prompt": "prompts/a.j2"}],
    }

    found = load(json.dumps(pipeline), {"prompts/a.j2": "{% messages past[-2:] %}And?"})

    assert found.problems == [
        f"prompts/a.j2:1:13: {{% messages %}} takes an input of type messages, and 'past' is of type {kind}"
    ]
    assert found.hints == ["declare it under `inputs`: past: messages"]


def test_a_conversation_is_read_into_one_form() -> None:
    """
    Given calls with arguments as an object, in both forms, and a content that is not there,
    when the conversation is read,
    then the arguments are JSON text, and the content is empty.
    """
    function = {"name": "b", "arguments": {"x": "ü"}}
    calls: list[Any] = [{"id": "1", "name": "a", "arguments": {}}, {"id": "2", "function": function}]
    results = [{"role": "tool", "tool_call_id": one, "content": ""} for one in "21"]

    said = history([{"role": "assistant", "tool_calls": calls}, *results])

    assert said[0] == {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "1", "name": "a", "arguments": "{}"},
            {"id": "2", "name": "b", "arguments": '{"x":"ü"}'},
        ],
    }


@pytest.mark.parametrize("junk", [None, 1, "x", [], {}, [None], {"role": None}, {"role": {}, "content": []}])
def test_no_value_breaks_the_reading(junk: JSON) -> None:
    """
    Given any JSON in the places of a message, a content, a part, a call and its arguments,
    when it is read as a conversation,
    then it is taken or refused, and nothing else happens.
    """
    places: list[Any] = [
        junk,
        {"role": "user", "content": junk},
        {"role": "user", "content": [junk]},
        {"role": "assistant", "tool_calls": junk},
        {"role": "assistant", "tool_calls": [junk]},
        {"role": "assistant", "tool_calls": [{"id": junk, "name": junk, "arguments": junk}]},
        {"role": "assistant", "tool_calls": [{"id": "1", "function": junk}]},
        {"role": "tool", "content": junk, "tool_call_id": junk},
    ]

    for message in places:
        with suppress(MalformedHistory):
            assert len(history([message], with_system=True)) == 1


# --- what a splice takes over

TALK = """
version: 1
dataset: [{id: 1}]
steps:
  - id: ask
    prompt: prompts/ask.j2
  - id: rounds
    foreach: "['x', 'yy']"
    steps:
      - id: turn
        prompt: prompts/turn.j2
    outputs: {messages: "{{ turn.messages }}"}
"""
ASK = "{% system %}Be brief.{% endsystem %}hi"
TURN = "{% system %}Be kind.{% endsystem %}{{ item }}"
AGAIN = [("user", "hi"), ("assistant", "hi"), ("user", "Go on.")]


async def last_request(step: str, files: dict[str, str]) -> list[tuple[str, str]]:
    """Run the talk with one more step, and give what it was asked."""
    prompts = {"prompts/ask.j2": ASK, "prompts/turn.j2": TURN, **files}
    one = Nested(f"{TALK}{step}", prompts)
    trial = await one.run_one()
    assert trial.status == "passed", trial.error
    return [(message.role, message.text) for message in one.provider.journal[-1].messages]


@pytest.mark.parametrize(
    ("prompt", "asked"),
    [
        ("{% messages ask.messages %}Go on.", [("system", "Be brief."), *AGAIN]),
        (
            "{% system %}Judge.{% endsystem %}{% messages ask.messages %}Go on.",
            [("system", "Judge."), *AGAIN],
        ),
        (
            "{% messages ask.messages %}{% system %}Judge.{% endsystem %}Go on.",
            [*AGAIN[:2], ("system", "Judge."), AGAIN[2]],
        ),
        (
            "{% messages ask.messages %}{% messages ask.messages %}Go on.",
            [("system", "Be brief."), *AGAIN[:2], *AGAIN],
        ),
        ("{% messages ask.messages[:2] %}Go on.", [AGAIN[0], AGAIN[2]]),
        (
            "{% messages rounds.output[-1].messages %}Go on.",
            [("user", "yy"), ("assistant", "yy"), ("user", "Go on.")],
        ),
        (
            "{% system %}Judge.{% endsystem %}{% messages rounds.output[0].messages %}",
            [("system", "Judge."), ("user", "x"), ("assistant", "x")],
        ),
    ],
)
async def test_a_conversation_brings_its_system_message_where_the_prompt_has_none(
    prompt: str, asked: list[tuple[str, str]]
) -> None:
    """
    Given steps whose conversations begin with a system message,
    when a later prompt splices one,
    then the system speaks once: in the prompt's own words, or those of the step; values bring none.
    """
    step = "  - id: judge\n    prompt: prompts/judge.j2\n    needs: [ask, rounds]\n"

    assert await last_request(step, {"prompts/judge.j2": prompt}) == asked


async def test_a_part_of_a_conversation_without_the_call_of_a_result_is_an_error() -> None:
    """
    Given a prompt that splices the end of a history, which begins with the result of a call,
    when it is rendered,
    then the trial is errored, and says which message it is and why.
    """
    past = json.dumps([ASKED, CALLING, RESULT])
    pipeline = (
        f"version: 1\ninputs: {{past: messages}}\ndataset: [{{past: {past}}}]\n"
        "steps:\n  - {id: a, prompt: prompts/a.j2}\n"
    )

    trial = await Nested(pipeline, {"prompts/a.j2": "{% messages past[2:] %}And?"}).run_one()

    assert trial.status == "errored"
    assert "message 0 of the conversation answers the call 'c1', which is not open" in str(
        trial.steps[0].error
    )


@pytest.mark.parametrize("kind", ["prompt", "pipeline"])
async def test_a_conversation_that_with_binds_comes_without_its_system_message(kind: str) -> None:
    """
    Given a step, and a pipeline, that is given the conversation of another step by `with`,
    when it is spliced there,
    then it is taken without what the system said.
    """
    step = (
        "  - id: judge\n    needs: [rounds]\n    with: {talk: '{{ ask.messages }}'}\n"
        f"    {kind}: {'prompts/judge.j2' if kind == 'prompt' else 'pipelines/judge.yaml'}\n"
    )
    called = "version: 1\ninputs: {talk: messages}\nsteps: [{id: say, prompt: prompts/judge.j2}]\n"
    files = {"prompts/judge.j2": "{% messages talk %}Go on.", "pipelines/judge.yaml": called}

    assert await last_request(step, files) == AGAIN


# --- prompts in which the system alone speaks

SORT = """\
version: 1
inputs: {word: string}
dataset: [{word: hi}]
matrix:
  llm: {a: {model: openai/gpt-4o-mini}, b: {model: anthropic/claude-sonnet-4-5}}
steps:
  - {id: sort, %s}
"""
SYSTEM = "{% system %}Sort {{ word }}.{% endsystem %}"
ALONE = "anthropic/claude-sonnet-4-5 takes no prompt in which the system alone speaks"


@pytest.mark.parametrize(
    ("prompt", "places"),
    [
        ("{# sort #}\n" + SYSTEM + "\n", ["prompts/a.j2:2:4: "]),
        ("{# sort #}{% set w = word %}{% if w %}" + SYSTEM + "{% endif %}", ["prompts/a.j2:1:42: "]),
        ("{% include 'b.j2' %}", ["prompts/b.j2:1:4: "]),
        (SYSTEM + "Sort.", []),
        (SYSTEM + "{{ word }}", []),
        (SYSTEM + "{% if word == 'x' %}{% user %}x{% enduser %}{% endif %}", []),
        (SYSTEM + "{% assistant %}It is{% endassistant %}", []),
        (SYSTEM + "{% include 'c.j2' %}", []),
        ("{% macro sort() %}" + SYSTEM + "{% endmacro %}{{ sort() }}", []),
    ],
)
def test_a_prompt_of_the_system_alone_is_refused_where_the_model_takes_none(
    prompt: str, places: list[str]
) -> None:
    """
    Given a prompt whose messages are surely the system's alone, or may have others,
    when its pipeline is loaded for models of both vendors,
    then the first is refused at its tag for Anthropic's models, and the others are not.
    """
    files = {"prompts/a.j2": prompt, "prompts/b.j2": SYSTEM, "prompts/c.j2": "Sort."}
    pipeline = SORT % "prompt: prompts/a.j2"

    problems = load(pipeline, files).problems

    assert problems == [f"{place}{ALONE}" for place in places]
    assert load(pipeline, files, Changes(variants=("base llm=a",))).problems == []


def test_messages_of_the_system_alone_are_refused_where_the_model_takes_none() -> None:
    """
    Given messages in the pipeline that are all the system's,
    when it is loaded for models of both vendors,
    then they are refused for Anthropic's.
    """
    step = "messages: [{role: system, content: 'Sort {{ word }}.'}]"

    assert load(SORT % step).problems == [f"7:34: {ALONE}"]
    assert load(SORT % step, changes=Changes(variants=("base llm=a",))).problems == []


class Demanding(ScriptedProvider):
    def profile(self, model: str) -> ModelProfile:
        return replace(super().profile(model), needs_turn=True)


async def test_messages_that_are_empty_are_not_sent() -> None:
    """
    Given messages in the pipeline of which one, or all, come out empty,
    when it is run,
    then the one is left out as it would be of a prompt; and where nothing is left, the step is errored.
    """
    messages = [{"role": "user", "content": "{{ word }}"}, {"role": "user", "content": "{{ more }}"}]
    rows = [{"word": "hi", "more": " "}, {"word": "", "more": "\n"}]
    bench = Bench({"steps": [{"id": "say", "messages": messages}]}, rows=rows)

    first, second = await bench.run()

    assert [message.text for message in bench.provider.journal[0].messages] == ["hi"]
    assert (first.status, second.status, len(bench.provider.journal)) == ("passed", "errored", 1)
    assert "would send no text" in str(second.steps[0].error)


async def test_a_prompt_that_turns_out_to_be_the_systems_alone_is_not_sent() -> None:
    """
    Given a model that must be told more than what the system says, and a user's message that is empty,
    when the pipeline is run,
    then the step is errored and nothing was sent.
    """
    provider = Demanding()
    messages = [{"role": "system", "content": "Sort."}, {"role": "user", "content": "{{ word }}"}]
    bench = Bench({"steps": [{"id": "sort", "messages": messages}]}, provider, rows=[{"word": ""}])

    steps = await bench.run_one()

    assert (steps["sort"].status, provider.journal) == ("errored", [])
    assert "the system alone speaks" in str(steps["sort"].error)
