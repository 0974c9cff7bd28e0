"""Tools on the embedded model: told in words, its answers held to their form."""

from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from promptlab.core.json import JSON, compact
from promptlab.engine.completion import CompletionRequest, Endpoint
from promptlab.engine.conversation import Message, Tool, ToolCall
from promptlab.engine.providers.local_dialect import LocalDialect

ORDER: dict[str, JSON] = {
    "type": "object",
    "properties": {"order": {"type": "string"}},
    "required": ["order"],
    "additionalProperties": False,
}
STATUS = Tool("status", "Say where an order is.", ORDER)
CALL = ToolCall("call_0", "status", '{"order": "A1"}')
ASKED = (Message("system", "Be brief."), Message("user", "Where is A1?"))
TOLD = (Message("assistant", "", (CALL,)), Message("tool", "lost", (), "call_0"))
REQUEST = CompletionRequest(Endpoint("local", "sha256:1", "chat"), "m", ASKED, {"seed": 1}, tools=(STATUS,))


def wire(request: CompletionRequest) -> Any:
    return LocalDialect().body(request)


def answered(text: str, request: CompletionRequest = REQUEST) -> tuple[str, str, tuple[ToolCall, ...]]:
    found = {
        "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    reading = LocalDialect().read(request, found)
    return reading.text, reading.finish_reason, reading.tool_calls


def test_the_model_reads_of_its_tools_in_the_system_message() -> None:
    """
    Given a request with a tool and a system message,
    when it is written for the embedded model,
    then the tool is told behind that message, and no key of the body tells it.
    """
    body = wire(REQUEST)

    assert body["messages"] == [
        {
            "role": "system",
            "content": "Be brief.\n\nYou can use these tools:\n"
            'status: Say where an order is. arguments: {"order": string}\n'
            'Use a tool: {"tool": NAME, "arguments": {…}}\nAnswer: {"answer": TEXT}',
        },
        {"role": "user", "content": "Where is A1?"},
    ]
    assert "tools" not in body
    assert body["seed"] == 1


def test_calls_and_results_are_written_as_they_were_said() -> None:
    """
    Given a request whose conversation has a call of a tool, its result and an answer,
    when it is written for the embedded model,
    then they stand there in the form that the model itself uses.
    """
    answer = Message("assistant", "It is lost.")

    messages = wire(replace(REQUEST, messages=(*ASKED, *TOLD, answer)))["messages"]

    assert [(message["role"], message["content"]) for message in messages[2:]] == [
        ("assistant", '{"tool": "status", "arguments": {"order": "A1"}}'),
        ("user", 'status gave: lost\n\nTell me this as {"answer": TEXT}.'),
        ("assistant", '{"answer": "It is lost."}'),
    ]


def test_a_conversation_with_tools_can_go_on_without_them() -> None:
    """
    Given a request without tools whose conversation has calls of tools,
    when it is written for the embedded model,
    then they are told in words, and its answer is free.
    """
    body = wire(replace(REQUEST, messages=(*ASKED, *TOLD), tools=()))

    assert body["messages"][-1] == {"role": "user", "content": "status gave: lost"}
    assert "response_format" not in body


@pytest.mark.parametrize(
    ("schema", "said", "fits"),
    [
        (None, {"tool": "status", "arguments": {"order": "A1"}}, True),
        (None, {"answer": "here"}, True),
        (None, {"tool": "other", "arguments": {}}, False),
        (None, {"tool": "status", "arguments": {}}, False),
        (None, {"answer": 1}, False),
        ({"type": "string", "enum": ["yes"]}, {"answer": "yes"}, True),
        ({"type": "string", "enum": ["yes"]}, {"answer": "no"}, False),
        ({"$ref": "#/$defs/day", "$defs": {"day": {"const": 1}}}, {"answer": 1}, True),
        ({"$ref": "#/$defs/day", "$defs": {"day": {"const": 1}}}, {"answer": 2}, False),
    ],
)
def test_decoding_is_held_to_a_call_or_an_answer(
    schema: dict[str, JSON] | None, said: JSON, *, fits: bool
) -> None:
    """
    Given a request with a tool, and an output that is free or has a schema,
    when it is written for the embedded model,
    then decoding allows calls with fitting arguments and fitting answers, and nothing else.
    """
    form = wire(replace(REQUEST, json_schema=schema))["response_format"]["json_schema"]["schema"]

    assert Draft202012Validator(form).is_valid(said) is fits


@pytest.mark.parametrize(
    ("said", "text", "finish", "calls"),
    [
        ({"tool": "status", "arguments": {"order": "A1"}}, "", "tool_calls", 1),
        ({"answer": "It is lost."}, "It is lost.", "stop", 0),
        ({"answer": {"day": 1}}, '{"day": 1}', "stop", 0),
    ],
)
def test_what_the_model_says_is_a_call_or_an_answer(said: JSON, text: str, finish: str, calls: int) -> None:
    """
    Given an answer of the embedded model to a request with a tool,
    when it is read,
    then it is a call of the tool, or the answer itself.
    """
    found = answered(compact(said))

    assert (found[0], found[1], len(found[2])) == (text, finish, calls)


def test_each_call_of_a_conversation_has_an_id_of_its_own() -> None:
    """
    Given a conversation with a call,
    when the model calls again,
    then the new call has another id.
    """
    again = replace(REQUEST, messages=(*ASKED, *TOLD))

    (call,) = answered(compact({"tool": "status", "arguments": {"order": "B2"}}), again)[2]

    assert call == ToolCall("call_1", "status", '{"order":"B2"}')


def test_an_answer_that_was_cut_off_stays_text() -> None:
    """
    Given an answer that ends in the middle,
    when it is read,
    then it is a text.
    """
    assert answered('{"answer": "It is')[0] == '{"answer": "It is'
