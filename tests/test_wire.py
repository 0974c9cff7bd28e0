"""The exact requests that the dialects send, over the real SDKs, and how they read calls of tools."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from promptlab.core.config import SettingsFile, settle
from promptlab.core.environment import Environment
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest, Endpoint
from promptlab.engine.conversation import Attachment, Message, Tool, ToolCall
from promptlab.engine.provider import BrokenAnswer, Provider
from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.factory import build_provider
from promptlab.engine.providers.messages import MessagesDialect
from promptlab.schemas.pipeline import Params
from tests.cli_kit import Cli
from tests.dialects import DIALECTS, ENTRIES
from tests.fakes import FakeProvider
from tests.golden_kit import Golden
from tests.samples import PDF, PNG

PLAIN = Params()
MODELS = {
    "openai": "openai/gpt-4o-mini",
    "responses": "openai/gpt-4o-mini",
    "anthropic": "anthropic/claude-sonnet-4-5",
}
IMAGE = Attachment("image", "image/png", PNG)
MANUAL = Attachment("file", "application/pdf", PDF, "manual.pdf")
POLICY = Attachment("file", "text/plain", b"Refunds within 30 days.\n", "policy.txt")
LOOKUP = Tool(
    "lookup",
    "Find an order.",
    {
        "type": "object",
        "properties": {"order": {"type": "string"}},
        "required": ["order"],
        "additionalProperties": False,
    },
)
ASK = Message("user", "Where are my orders?")
CALLS = (ToolCall("call_1", "lookup", '{"order":"A7"}'), ToolCall("call_2", "lookup", '{"order":"B9"}'))
CALLING = Message("assistant", "Let me see.", CALLS)
RESULTS = (Message("tool", "shipped", (), "call_1"), Message("tool", '{"state": "lost"}', (), "call_2"))
CITY: dict[str, JSON] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "people": {"type": "integer", "minimum": 1}},
    "required": ["city", "people"],
    "additionalProperties": False,
}
CASES: dict[str, dict[str, Any]] = {
    "text": {"messages": [Message("user", "Hello")]},
    "system": {"messages": [Message("system", "Be brief."), Message("user", "Hello")]},
    "multi-turn": {
        "messages": [
            Message("system", "Be brief."),
            Message("user", "Name a city."),
            Message("assistant", "Paris."),
            Message("system", "Be kind."),
            Message("user", "Another."),
        ]
    },
    "image": {"messages": [Message("user", ("What is on", IMAGE, "this picture?"))]},
    "file": {"messages": [Message("user", ("Sum it up:", MANUAL))]},
    "text-file": {"messages": [Message("user", (POLICY, "May I return it?"))]},
    "tools": {"messages": [ASK], "tools": (LOOKUP,)},
    "tool-call": {"messages": [ASK, CALLING, *RESULTS], "tools": (LOOKUP,)},
    "tool-call-alone": {
        "messages": [ASK, Message("assistant", "", (CALLS[0],)), RESULTS[0]],
        "tools": (LOOKUP,),
    },
    "tool-result": {
        "messages": [ASK, CALLING, *RESULTS, Message("assistant", "One is lost."), Message("user", "Why?")],
        "tools": (LOOKUP,),
    },
    "tool-history": {"messages": [ASK, CALLING, *RESULTS, Message("user", "Why?")]},
    "malformed-tool-call": {
        "messages": [ASK, Message("assistant", "", (ToolCall("call_1", "lookup", '{"order'),)), RESULTS[0]],
        "tools": (LOOKUP,),
    },
    "structured-object": {"messages": [ASK], "json_schema": CITY},
    "structured-enum": {"messages": [ASK], "json_schema": {"type": "string", "enum": ["yes", "no"]}},
    "structured-loose": {"messages": [ASK], "json_schema": {**CITY, "required": ["city"]}},
}


@dataclass(frozen=True)
class Asker:
    dialect: str
    provider: Provider

    def request(
        self,
        messages: list[Message],
        *,
        params: Params = PLAIN,
        **more: Any,
    ) -> CompletionRequest:
        model = MODELS[self.dialect].partition("/")[2]
        wired = self.provider.wire_params(model, params)
        endpoint = self.provider.profile(model).endpoint
        return CompletionRequest(endpoint, model, tuple(messages), wired, **more)


def settings_for(dialect: str) -> dict[str, Any]:
    """Give a promptlab.yaml by which the vendor is asked in this dialect."""
    return {"version": 1, "providers": {MODELS[dialect].partition("/")[0]: ENTRIES[dialect]}}


@pytest.fixture(params=DIALECTS)
async def asker(request: pytest.FixtureRequest, fake_provider: FakeProvider) -> AsyncIterator[Asker]:
    file = SettingsFile.model_validate(settings_for(request.param))
    settings = settle(file, environment=Environment(fake_provider.environment()))
    (vendor,) = file.providers
    provider = build_provider(vendor, settings)
    yield Asker(request.param, provider)
    await provider.close()


@pytest.mark.parametrize("case", CASES)
async def test_a_request_is_on_the_wire_as_its_golden_file_says(
    asker: Asker, fake_provider: FakeProvider, golden: Golden, case: str
) -> None:
    """
    Given a request in our own terms,
    when it is sent by a vendor's SDK,
    then the vendor receives exactly the body of the golden file.
    """
    await asker.provider.complete(asker.request(**CASES[case]))

    (received,) = fake_provider.requests()
    golden.holds(f"{asker.dialect}/{case}", received.body)


async def test_params_and_extra_are_on_the_wire_as_the_golden_file_says(
    asker: Asker, fake_provider: FakeProvider, golden: Golden
) -> None:
    """
    Given params that the dialect has, and an extra,
    when they are sent,
    then they have the vendor's names.
    """
    own = {"temperature": 0.5, "top_p": 0.9} if asker.dialect == "responses" else {"stop": ("END",)}
    params = Params.model_validate({"max_tokens": 19, "extra": {"service_tier": "flex"}, **own})

    await asker.provider.complete(asker.request([Message("user", "Hello")], params=params))

    golden.holds(f"{asker.dialect}/params", fake_provider.requests()[0].body)


def test_tools_that_extra_says_stand_alone() -> None:
    """
    Given a conversation with calls of tools, and an `extra` that says tools in the vendor's own words,
    when it is written for Anthropic,
    then these are the tools, and nothing keeps the model from calling them.
    """
    own: Mapping[str, JSON] = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    request = replace(REQUEST, messages=(ASK, CALLING, *RESULTS), params=own)

    body = MessagesDialect().body(request)

    assert (body["tools"], "tool_choice" in body) == (own["tools"], False)


async def test_an_answer_that_calls_tools_has_the_calls_in_order(
    asker: Asker, fake_provider: FakeProvider
) -> None:
    """
    Given a model that says something and calls two tools,
    when it is asked,
    then the completion has the text, both calls as it made them, and says why it ended.
    """
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in CALLS]
    fake_provider.script({"answer": {"text": "Let me see.", "tool_calls": calls}})

    completion = await asker.provider.complete(asker.request([ASK], tools=(LOOKUP,)))

    assert (completion.text, completion.finish_reason) == ("Let me see.", "tool_calls")
    assert completion.tool_calls == CALLS


async def test_a_stream_with_calls_of_tools_is_read_like_a_plain_answer(
    asker: Asker, fake_provider: FakeProvider
) -> None:
    """
    Given a model that calls two tools,
    when it is asked for a stream,
    then the completion has the same calls.
    """
    calls = [{"id": call.id, "name": call.name, "arguments": call.arguments} for call in CALLS]
    fake_provider.script({"answer": {"text": "Let me see.", "tool_calls": calls}})
    told: list[str] = []

    completion = await asker.provider.stream(asker.request([ASK], tools=(LOOKUP,)), told.append)

    assert ("".join(told), completion.finish_reason) == ("Let me see.", "tool_calls")
    assert completion.tool_calls == CALLS


async def test_an_answer_that_only_calls_a_tool_has_an_empty_text(
    asker: Asker, fake_provider: FakeProvider
) -> None:
    """
    Given a model that calls a tool without arguments and says nothing, under an output schema,
    when it is asked,
    then the completion is the call.
    """
    fake_provider.script({"answer": {"tool_calls": [{"id": "call_1", "name": "now"}]}})
    schema: Mapping[str, JSON] = {"type": "string", "enum": ["yes", "no"]}

    completion = await asker.provider.complete(asker.request([ASK], tools=(LOOKUP,), json_schema=schema))

    assert (completion.text, completion.finish_reason) == ("", "tool_calls")
    assert completion.tool_calls == (ToolCall("call_1", "now", "{}"),)


@pytest.mark.parametrize("asker", ["openai", "anthropic"], indirect=True)
async def test_an_answer_that_announces_calls_and_has_none_is_broken(
    asker: Asker, fake_provider: FakeProvider
) -> None:
    """
    Given an answer that ends because tools are called, without any call,
    when it is read,
    then it is a broken answer.
    """
    fake_provider.script({"answer": {"text": "hm", "finish_reason": "tool_calls"}})

    with pytest.raises(BrokenAnswer, match="has no calls"):
        await asker.provider.complete(asker.request([ASK], tools=(LOOKUP,)))


def chat_answer(*calls: Any, finish: str = "stop") -> dict[str, Any]:
    message = {"role": "assistant", "content": None, "tool_calls": list(calls)}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    return {"choices": [{"message": message, "finish_reason": finish}], "usage": usage}


def messages_answer(*blocks: Any) -> dict[str, Any]:
    usage = {"input_tokens": 1, "output_tokens": 1}
    return {"content": list(blocks), "stop_reason": "tool_use", "usage": usage}


ENDPOINT = Endpoint("fake", "fake", "chat")
REQUEST = CompletionRequest(ENDPOINT, "m", (ASK,))


def test_servers_that_write_calls_their_own_way_are_understood() -> None:
    """
    Given compatible servers that end with `stop`, give arguments as an object, and no id,
    when their answer is read,
    then there are calls with ids of their own, and the answer ended for them.
    """
    calls = [
        {"function": {"name": "a", "arguments": {"x": 1}}},
        {"function": {"name": "b", "arguments": '{"y'}},
    ]

    reading = ChatDialect().read(REQUEST, chat_answer(*calls))

    assert reading.finish_reason == "tool_calls"
    assert reading.tool_calls == (ToolCall("call_0", "a", '{"x":1}'), ToolCall("call_1", "b", '{"y'))


def test_a_call_that_was_cut_off_keeps_the_reason() -> None:
    """
    Given an answer that reached its length within a call,
    when it is read,
    then the reason is the length.
    """
    call = {"id": "c", "function": {"name": "a", "arguments": '{"x'}}

    assert ChatDialect().read(REQUEST, chat_answer(call, finish="length")).finish_reason == "length"


@pytest.mark.parametrize("call", [None, {}, {"function": {"name": ""}}, {"function": {"arguments": "{}"}}])
def test_a_call_without_a_name_is_no_answer(call: Any) -> None:
    """
    Given an answer with a call that names no tool,
    when it is read,
    then it is none.
    """
    with pytest.raises(ValueError, match="without a name"):
        ChatDialect().read(REQUEST, chat_answer(call))


@pytest.mark.parametrize(
    "block", [{"id": "c"}, {"id": "c", "name": "a", "input": "{}"}, {"name": "a", "input": {}}]
)
def test_a_block_that_is_half_a_call_is_no_answer(block: dict[str, Any]) -> None:
    """
    Given a message with a call that lacks its id, its name or its input,
    when it is read,
    then it is none.
    """
    with pytest.raises(ValueError, match="without id, name or input"):
        MessagesDialect().read(REQUEST, messages_answer({"type": "tool_use", **block}))


def test_attachments_are_fingerprinted_by_content_and_bound_what_is_reserved() -> None:
    """
    Given requests that differ in the bytes of an image alone,
    when they are compared,
    then they have different fingerprints, none holds the bytes, and the size covers an image's tokens.
    """
    first = replace(REQUEST, messages=(Message("user", (IMAGE,)),))
    same = replace(first, messages=(Message("user", (Attachment("image", "image/png", bytes(PNG)),)),))
    other = replace(first, messages=(Message("user", (Attachment("image", "image/png", PNG + b"x"),)),))

    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert first.size > 50_000


PIPELINE = """\
version: 1
name: look
model: MODEL
inputs: {photo: image, manual: file, past: messages, question: string}
dataset:
  - photo: data/a.png
    manual: data/manual.pdf
    question: Is it broken?
    past:
      - {role: user, content: [{type: text, text: Hello}, {type: image, path: data/a.png}]}
      - {role: assistant, content: Hi.}
params: {max_tokens: 40}
steps:
  - {id: look, prompt: prompts/look.j2}
  - {id: judge, prompt: prompts/judge.j2, output: {enum: ["yes", "no"]}}
"""
LOOK = """\
{% system %}We sell lamps. {{ text('data/policy.md') }}{% endsystem %}
{% messages past %}
{% user %}See {{ image(photo) }} and {{ file(manual) }}{% enduser %}
{% assistant %}I see.{% endassistant %}
{{ question }}
"""
JUDGE = "{% messages look.messages %}\nYes or no?"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_whole_pipeline_is_on_the_wire_as_its_golden_file_says(
    cli: Cli, fake_provider: FakeProvider, golden: Golden, dialect: str
) -> None:
    """
    Given a pipeline with a history, images, files, texts and an enum, and a second step that goes on,
    when it is run by the command line in each dialect,
    then both conversations are received as the golden files say.
    """
    cli.write(look=PIPELINE.replace("MODEL", MODELS[dialect]))
    (cli.folder / "promptlab.yaml").write_text(json.dumps(settings_for(dialect)))
    for name, content in {
        "data/a.png": PNG,
        "data/manual.pdf": PDF,
        "data/policy.md": b"Refunds within 30 days.\n",
        "prompts/look.j2": LOOK.encode(),
        "prompts/judge.j2": JUDGE.encode(),
    }.items():
        (cli.folder / name).parent.mkdir(exist_ok=True)
        (cli.folder / name).write_bytes(content)
    fake_provider.script({"nth": 1, "answer": "It looks whole."})

    said = cli.process("run", "look", env=fake_provider.environment())

    assert said.code == 0, said.out
    look, judge = fake_provider.requests()
    golden.holds(f"{dialect}/pipeline-look", look.body)
    golden.holds(f"{dialect}/pipeline-judge", judge.body)
