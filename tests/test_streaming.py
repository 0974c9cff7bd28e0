"""Streamed answers: told as they come, whole or not recorded at all, and the same request as a plain one."""

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from promptlab.cli.streamed_text import StreamedText
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.conversation import Message
from promptlab.engine.provider import (
    BrokenAnswer,
    InvalidRequest,
    Provider,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
)
from promptlab.engine.providers.events import EventDecoder
from promptlab.schemas.events import Event, TextEnded, TextReceived
from promptlab.schemas.pipeline import Params
from promptlab.schemas.run import TrialKey
from tests.dialects import DIALECTS, address_at, provider_at
from tests.fakes import FakeProvider
from tests.lab import Lab

TEXT = "The capital of France is Paris, on the Seine."


@pytest.fixture(params=DIALECTS)
async def provider(request: pytest.FixtureRequest, fake_provider: FakeProvider) -> AsyncIterator[Provider]:
    provider = provider_at(request.param, address_at(fake_provider, request.param))
    yield provider
    await provider.close()


def question(provider: Provider) -> CompletionRequest:
    params = provider.wire_params("m", Params())
    return CompletionRequest(provider.profile("m").endpoint, "m", (Message("user", "hello"),), params)


def failed_response(code: str) -> str:
    response = {"status": "failed", "output": [], "error": {"code": code, "message": "so it is"}}
    return json.dumps({"type": "response.failed", "response": response})


async def test_a_streamed_answer_is_told_piece_by_piece(
    provider: Provider, fake_provider: FakeProvider
) -> None:
    """
    Given a server that pauses after each event,
    when an answer is streamed,
    then the pieces make the text, and the first came well before the last.
    """
    fake_provider.configure(event_ms=5)
    fake_provider.script({"answer": TEXT})
    told: list[str] = []

    completion = await provider.stream(question(provider), told.append)

    assert len(told) > 1
    assert "".join(told) == completion.text == TEXT
    assert completion.first_token_ms is not None
    assert 0 < completion.first_token_ms < completion.latency_ms
    assert completion.usage.output_tokens > 0


async def test_a_stream_that_breaks_off_within_its_text_may_have_been_charged(
    provider: Provider, fake_provider: FakeProvider
) -> None:
    """
    Given a stream that ends without its terminal event, or with an error event after some text,
    when it is asked,
    then it is a failure of unknown outcome.
    """
    fake_provider.script(
        {"answer": TEXT, "fault": "silent-end", "nth": 1}, {"answer": TEXT, "fault": "error-event"}
    )
    failures = []

    for _ in range(2):
        with pytest.raises(ProviderError) as caught:
            await provider.stream(question(provider), lambda _text: None)
        failures.append(caught.value)

    assert isinstance(failures[0], BrokenAnswer)
    assert [failure.outcome for failure in failures] == ["unknown", "unknown"]


@pytest.mark.parametrize(
    ("dialect", "events", "kind"),
    [
        ("anthropic", '{"type":"error","error":{"type":"overloaded_error"}}', RateLimited),
        ("anthropic", '{"type":"error","error":{"type":"invalid_request_error"}}', InvalidRequest),
        ("anthropic", '{"type":"message_start","message":{}}\n{"type":"message_stop"}', BrokenAnswer),
        ("anthropic", '{"type":"content_block_delta","index":0,"delta":{"text":"x"}}', BrokenAnswer),
        ("anthropic", "[1]", BrokenAnswer),
        ("anthropic", "{", BrokenAnswer),
        ("responses", '{"type":"error","code":"rate_limit_exceeded","message":"slowly"}', RateLimited),
        ("responses", '{"type":"error","error":{"type":"invalid_request_error"}}', InvalidRequest),
        ("responses", '{"type":"error","code":null,"message":"?"}', ServerFault),
        ("responses", '{"error":{"message":"no room","code":503}}', ServerFault),
        ("responses", failed_response("server_error"), ServerFault),
        ("responses", failed_response("image_too_small"), InvalidRequest),
        ("responses", failed_response("insufficient_quota"), Refused),
        ("responses", '{"type":"response.failed","response":{"status":"failed","output":[]}}', BrokenAnswer),
        ("responses", '{"type":"response.completed"}', BrokenAnswer),
        ("responses", '{"type":"response.completed","response":{"status":"completed"}}', BrokenAnswer),
        ("responses", "[DONE]", BrokenAnswer),
        ("responses", "[1]", BrokenAnswer),
        ("responses", "{", BrokenAnswer),
    ],
)
async def test_a_malformed_stream_is_a_failure(dialect: str, events: str, kind: type[ProviderError]) -> None:
    """
    Given a server whose stream is an error, empty or nonsense,
    when it is asked,
    then that is one failure of the tree.
    """
    stream = "".join(f"data: {event}\n\n" for event in events.split("\n"))
    async with _server(b"text/event-stream", stream.encode()) as url:
        provider = provider_at(dialect, url)

        with pytest.raises(kind):
            await provider.stream(question(provider), lambda _text: None)

        await provider.close()


async def test_a_server_that_cannot_stream_answers_plainly() -> None:
    """
    Given a server that gives a plain body whatever is asked,
    when an answer is streamed,
    then it is told as a whole, and no first token is timed.
    """
    body = {
        "model": "m",
        "choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    }
    told: list[str] = []
    async with _server(b"application/json", json.dumps(body).encode()) as url:
        provider = provider_at("openai", url)

        completion = await provider.stream(question(provider), told.append)

        await provider.close()
    assert told == ["whole"] == [completion.text]
    assert completion.first_token_ms is None


@pytest.mark.parametrize("seed", range(20))
def test_events_are_read_alike_however_the_bytes_are_cut(seed: int) -> None:
    """
    Given events of several lines, comments, carriage returns and letters of several bytes,
    when their bytes come in pieces of any size,
    then the events are the same.
    """
    raw = (
        'event: x\ndata: {"a": "é€😀"}\n\n: ping\r\ndata: one\r\ndata:two\r\n\r\n\ndata: [DONE]\n\n'.encode()
    )
    chance = random.Random(seed)
    decoder = EventDecoder()
    found: list[str] = []
    rest = raw

    while rest:
        size = chance.randint(1, 9)
        found += decoder.feed(rest[:size])
        rest = rest[size:]

    assert found == ['{"a": "é€😀"}', "one\ntwo", "[DONE]"]


def test_a_streamed_run_shows_its_text_and_is_recalled_by_a_plain_one(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given three rows,
    when they are run with --stream and then without,
    then each answer was shown under its row, its first token is timed, and the second run buys nothing.
    """
    fake_provider.configure(event_ms=1)
    lab = Lab(tmp_path, fake_provider.base_url)
    lab.write_rows(3)

    streamed = lab.command("run", "words", "--stream")
    plain = lab.command("run", "words")

    assert (streamed.code, plain.code) == (0, 0)
    for row in range(3):
        assert f"── row r{row} · base · say\nSay word-{row:04}.\n" in streamed.err
    assert "── row" not in plain.err
    assert lab.query("select count(*) from completions where first_token_ms > 0") == [(3,)]
    assert fake_provider.sent_count == 3


def key(row: int) -> TrialKey:
    return TrialKey(row=row, row_id=str(row), cell="base")


def shown(*events: Event) -> str:
    file = io.StringIO()
    display = StreamedText(Console(file=file, width=60, markup=False, highlight=False))
    for event in events:
        display(event)
    display.close()
    return file.getvalue()


def test_answers_that_come_at_once_are_shown_one_after_the_other() -> None:
    """
    Given the pieces of two answers in turns,
    when they are shown,
    then each is in one piece, the first as it came, and terminal escapes in it are harmless.
    """
    said = shown(
        TextReceived(key(0), "say", "one "),
        TextReceived(key(1), "say", "red \x1b[31m"),
        TextReceived(key(0), "say", "two"),
        TextEnded(key(1), "say", is_whole=True),
        TextEnded(key(0), "say", is_whole=True),
    )

    assert said == "── row 0 · base · say\none two\n── row 1 · base · say\nred \\u001b[31m\n"


def test_an_answer_that_broke_off_is_said_to_have() -> None:
    """
    Given two answers that break off, one of them shown, the other waiting,
    when they are asked again,
    then the shown one says so, and the other shows only what is whole.
    """
    said = shown(
        TextReceived(key(0), "say", "one"),
        TextReceived(key(1), "say", "lost"),
        TextEnded(key(1), "say", is_whole=False),
        TextEnded(key(0), "say", is_whole=False),
        TextReceived(key(1), "say", "whole"),
        TextEnded(key(1), "say", is_whole=True),
    )

    assert said == "── row 0 · base · say\none\n… broken off\n── row 1 · base · say\nwhole\n"


class _server:  # noqa: N801 - reads as a function
    """Answers every request with one body, on loopback."""

    def __init__(self, content_type: bytes, body: bytes) -> None:
        self._content_type = content_type
        self._body = body

    async def __aenter__(self) -> str:
        self._server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{port}"

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n"
        writer.write(head % (self._content_type, len(self._body)) + self._body)
        await writer.drain()
        writer.close()
