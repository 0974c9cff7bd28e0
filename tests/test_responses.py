"""OpenAI's responses: of the shapes that its SDK knows, read to the letter, and a run over real parts."""

import json
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
from openai.types.responses import Response, ResponseError, ResponseStreamEvent
from openai.types.responses.response_create_params import ResponseCreateParamsNonStreaming
from pydantic import TypeAdapter

from promptlab.engine.completion import CompletionRequest, Endpoint, Usage
from promptlab.engine.conversation import Message, ToolCall
from promptlab.engine.providers.body_errors import error_in_body
from promptlab.engine.providers.responses import ResponsesDialect
from tests.cli_kit import Cli
from tests.fakes import FakeProvider
from tests.lab import Lab

GOLDEN = Path(__file__).with_name("golden") / "responses"
REQUEST = CompletionRequest(Endpoint("openai", "openai", "responses"), "m", (Message("user", "hi"),))
USAGE = {
    "input_tokens": 10,
    "input_tokens_details": {"cached_tokens": 4},
    "output_tokens": 7,
    "output_tokens_details": {"reasoning_tokens": 5},
}
THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": []}


def said(*texts: str) -> dict[str, Any]:
    parts = [{"type": "output_text", "text": text, "annotations": []} for text in texts]
    return {"type": "message", "role": "assistant", "content": parts}


def answer(*output: Any, **changes: Any) -> dict[str, Any]:
    return {"status": "completed", "model": "m-1", "output": list(output), "usage": USAGE, **changes}


def test_each_request_has_only_what_the_sdk_knows() -> None:
    """
    Given the golden files of all requests,
    when they are read by the SDK's own types,
    then nothing is missing, of another type, or unknown to them.
    """
    sdk = TypeAdapter(ResponseCreateParamsNonStreaming)
    bodies = [json.loads(path.read_text()) for path in GOLDEN.glob("*.json")]

    read = [sdk.dump_python(sdk.validate_python(body), mode="json") for body in bodies]

    assert len(bodies) > 10
    assert read == bodies


@pytest.fixture(scope="module")
def sdk_event() -> TypeAdapter[Any]:
    return TypeAdapter(ResponseStreamEvent)


@pytest.mark.parametrize("finish", ["stop", "length", "refusal", "tool_calls"])
def test_the_fake_provider_says_only_what_the_sdk_knows(
    fake_provider: FakeProvider, sdk_event: TypeAdapter[Any], finish: str
) -> None:
    """
    Given answers that end in all ways, plain and streamed,
    when they are read by the SDK's own types,
    then each body and each event is one of theirs, and the last event has the plain body.
    """
    calls = [{"name": "find", "arguments": {"q": "x"}}] if finish == "tool_calls" else []
    fake_provider.script({"answer": {"text": "one two", "finish_reason": finish, "tool_calls": calls}})

    plain, stream = (asked(fake_provider, stream=stream) for stream in (False, True))
    lines = (line.removeprefix("data: ") for line in stream.split("\n") if line.startswith("data: "))
    events = [json.loads(line) for line in lines]

    Response.model_validate_json(plain)
    for event in events:
        sdk_event.validate_python(event)
    assert events[-1]["response"] | {"id": ""} == json.loads(plain.replace("_1", "_2")) | {"id": ""}


def asked(fake_provider: FakeProvider, **more: object) -> str:
    body = json.dumps({"model": "m", "input": "hello", **more}).encode()
    sent = urllib.request.Request(f"{fake_provider.base_url}/responses", body)
    with urllib.request.urlopen(sent) as response:
        return str(response.read().decode())


def test_each_code_of_a_failed_response_is_known() -> None:
    """
    Given all codes that the SDK knows of a failed response,
    when each stands in a body of status 200,
    then it stands for a status of its own, not for an unknown failure.
    """
    codes = get_args(ResponseError.model_fields["code"].annotation)

    unknown = [code for code in codes if error_in_body({"error": {"code": code}}) == 502]

    assert len(codes) > 10
    assert unknown == []


def test_what_a_model_thought_and_searched_is_not_what_it_said() -> None:
    """
    Given an answer of items of all kinds, its text in several parts,
    when it is read,
    then the text is that of the messages, and cached and reasoning tokens are counted.
    """
    found = answer(THOUGHT, {"type": "web_search_call"}, said("Paris", " is"), said(" big."))

    reading = ResponsesDialect().read(REQUEST, found)

    assert (reading.text, reading.finish_reason, reading.answered_by) == ("Paris is big.", "stop", "m-1")
    assert reading.usage == Usage(10, 7, cached_tokens=4, reasoning_tokens=5)


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("max_output_tokens", "length"),
        ("content_filter", "content_filter"),
        ("steered", "other"),
        (None, "other"),
    ],
)
def test_an_incomplete_answer_keeps_its_text_and_says_why(reason: str | None, finish: str) -> None:
    """
    Given an answer that is not complete, under a schema,
    when it is read,
    then its text is kept as it is, and the reason is that of all dialects.
    """
    request = replace(REQUEST, json_schema={"enum": ["a"]})
    found = answer(said('{"answer"'), status="incomplete", incomplete_details={"reason": reason})

    reading = ResponsesDialect().read(request, found)

    assert (reading.text, reading.finish_reason) == ('{"answer"', finish)


def test_an_answer_that_was_cut_off_while_thinking_is_empty() -> None:
    """
    Given an answer whose tokens all went into reasoning,
    when it is read,
    then it has no text, for reason of its length.
    """
    found = answer(THOUGHT, status="incomplete", incomplete_details={"reason": "max_output_tokens"})

    reading = ResponsesDialect().read(REQUEST, found)

    assert (reading.text, reading.finish_reason) == ("", "length")


def test_a_call_is_known_by_its_call_id() -> None:
    """
    Given a call that has an id of its own besides, and one that was cut off,
    when they are read,
    then the ids are those that results name, and the reason for the end is kept.
    """
    whole = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "a", "arguments": "{}"}
    cut = whole | {"arguments": '{"x'}
    incomplete = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}

    first = ResponsesDialect().read(REQUEST, answer(THOUGHT, whole))
    second = ResponsesDialect().read(REQUEST, answer(cut, **incomplete))

    assert (first.tool_calls, first.finish_reason) == ((ToolCall("call_1", "a", "{}"),), "tool_calls")
    assert (second.tool_calls[0].arguments, second.finish_reason) == ('{"x', "length")


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ([], "no output"),
        (answer("x"), "no output"),
        (answer(), "no message"),
        (answer(THOUGHT), "no message"),
        (answer(said("x"), status="queued"), "its status is queued"),
        (answer(said("x"), status="failed"), "its status is failed"),
        (answer(said("x"), status=None), "its status is None"),
        (answer(said("x"), usage=None), "no usage"),
        (answer(said("x"), usage={"input_tokens": 1}), "usage without output_tokens"),
        (answer({"type": "message", "content": None}), "without content"),
        (answer({"type": "message", "content": [{"type": "output_text"}]}), "whose text is none"),
        (answer({"type": "message", "content": [{"type": "refusal"}]}), "whose refusal is none"),
        (answer({"type": "function_call", "call_id": "c", "arguments": "{}"}), "without a name"),
    ],
)
def test_what_is_no_whole_answer_is_none(found: Any, problem: str) -> None:
    """
    Given a body that lacks what an answer has, or has not ended,
    when it is read,
    then that is told instead of an answer.
    """
    with pytest.raises(ValueError, match=problem):
        ResponsesDialect().read(REQUEST, found)


ORDERS = '''\
def status(order: str) -> str:
    """Say where an order is."""
    return f"{order} is on its way"
'''
SEEDED = """\
version: 1
model: openai/gpt-4o-mini
params: {max_tokens: 50, seed: 1}
dataset: [{a: b}]
steps: [{id: a, messages: [{role: user, content: hi}]}]
"""
CALLS = {"tool_calls": [{"name": "status", "arguments": {"order": "A1"}, "id": "c1"}]}


def test_a_conversation_with_a_tool_runs_by_responses(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given a step with a tool, by a provider of `api: responses`,
    when it is run, streamed,
    then the second request carries the call and its result as items, and its answer is recorded.
    """
    lab = Lab(tmp_path, fake_provider.base_url, entry={"api": "responses"})
    lab.write("tools/orders.py", ORDERS)
    lab.write_pipeline(
        steps=[{"id": "reply", "prompt": "prompts/say.j2", "tools": ["tools/orders.py:status"]}]
    )
    lab.write_rows(1)
    fake_provider.script({"body": "function_call_output", "answer": "It comes tomorrow."}, {"answer": CALLS})

    ended = lab.command("run", "words", "--stream")

    first, second = fake_provider.requests()
    assert ended.code == 0, ended.err
    assert (first.path, first.body["store"], first.body["stream"]) == ("/v1/responses", False, True)
    assert second.body["input"][1:] == [
        {"type": "function_call", "call_id": "c1", "name": "status", "arguments": '{"order": "A1"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "A1 is on its way"},
    ]
    assert "It comes tomorrow." in lab.bought()


def test_answers_of_one_api_are_not_recalled_for_the_other(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given a row that was answered by chat completions,
    when its provider is asked by `api: responses`,
    then it is bought anew.
    """
    for entry in ({}, {"api": "responses"}):
        lab = Lab(tmp_path, fake_provider.base_url, entry=entry)
        lab.write_rows(1)
        lab.run()

    assert [request.path for request in fake_provider.requests()] == ["/v1/chat/completions", "/v1/responses"]


def test_a_param_that_responses_lack_is_told_at_its_line(cli: Cli) -> None:
    """
    Given params that chat completions have and responses have not,
    when the pipeline is validated,
    then they are refused where they are said.
    """
    cli.write(seeded=SEEDED)
    (cli.folder / "promptlab.yaml").write_text("version: 1\nproviders: {openai: {api: responses}}\n")

    said = cli("validate", "pipelines/seeded.yaml")

    assert said.code == 2
    assert "seeded.yaml:3:32: error: step 'a': gpt-4o-mini with `api: responses` has no seed" in said.out
