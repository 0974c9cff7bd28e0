"""The fake provider does on the wire what it says, and its journal is exact."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import BadStatusLine, HTTPConnection, HTTPResponse, IncompleteRead, RemoteDisconnected
from pathlib import Path
from typing import Any

import pytest

from tests.fake_provider import FakeServer, Options
from tests.fake_provider.faults import DELIVERY_FAULTS, FAULTS
from tests.fake_provider.schema import minimal_instance
from tests.fakes import FakeProvider, dead_server, fake_provider_process

CHAT = "/v1/chat/completions"
MESSAGES = "/v1/messages"
RESPONSES = "/v1/responses"
KEY = "sk-fake-0123456789"
WAIT = 60
STATUSES = [400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529]


@pytest.fixture
def connection(fake_provider: FakeProvider) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection("127.0.0.1", fake_provider.port, timeout=WAIT)) as opened:
        yield opened


def chat_body(text: str = "hello there", **more: object) -> dict[str, Any]:
    return {"model": "fake-model", "messages": [{"role": "user", "content": text}], **more}


def ask(
    connection: HTTPConnection, path: str = CHAT, body: dict[str, Any] | None = None, **headers: str
) -> tuple[HTTPResponse, bytes]:
    """Post a body, of the right shape for the path if none is given, and read the whole answer."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if path.endswith("/messages"):
        sent = {"anthropic-version": "2023-06-01"} | sent
        body = body or chat_body(max_tokens=100)
    connection.request("POST", path, json.dumps(body or chat_body()), sent)
    response = connection.getresponse()
    return response, response.read()


def events_of(body: bytes) -> list[Any]:
    data = [line.removeprefix(b"data: ") for line in body.split(b"\n") if line.startswith(b"data: ")]
    return [line.decode() if line == b"[DONE]" else json.loads(line) for line in data]


def raw_exchange(
    port: int, *, patience: float = WAIT, sent: Callable[[], object] = lambda: None
) -> tuple[bytes, str]:
    """Send one request on a bare socket, then do `sent`; return every byte that came and how it ended."""
    text = json.dumps(chat_body()).encode()
    head = f"POST {CHAT} HTTP/1.1\r\nconnection: close\r\ncontent-length: {len(text)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as client:
        client.sendall(head.encode() + text)
        sent()
        client.settimeout(patience)
        received = b""
        try:
            while data := client.recv(65536):
                received += data
        except ConnectionResetError:
            return received, "reset"
        except TimeoutError:
            return received, "open"
        return received, "closed"


class TestAnswers:
    """What it says where no fault is scripted."""

    @pytest.mark.parametrize("path", [CHAT, "/chat/completions"])
    def test_chat_echoes_the_last_user_message_and_counts_four_characters_a_token(
        self, connection: HTTPConnection, path: str
    ) -> None:
        """
        Given a conversation with a system message,
        when a completion is asked for,
        then the last user message comes back, with one token for four characters.
        """
        body = chat_body("12345678")
        body["messages"].insert(0, {"role": "system", "content": "1234"})

        response, answer = ask(connection, path, body)
        said = json.loads(answer)

        assert response.status == 200
        assert said["choices"][0]["message"]["content"] == "12345678"
        assert said["choices"][0]["finish_reason"] == "stop"
        assert (said["usage"]["prompt_tokens"], said["usage"]["completion_tokens"]) == (3, 2)

    @pytest.mark.parametrize("path", [MESSAGES, "/messages"])
    def test_messages_echo_blocks_of_text(self, connection: HTTPConnection, path: str) -> None:
        """
        Given a user message made of text blocks,
        when a message is asked for,
        then their text comes back as one block.
        """
        blocks = [{"type": "text", "text": "hello "}, {"type": "text", "text": "you"}]
        body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": blocks}]}

        _, answer = ask(connection, path, body)
        said = json.loads(answer)

        assert said["content"] == [{"type": "text", "text": "hello you"}]
        assert (said["stop_reason"], said["usage"]["output_tokens"]) == ("end_turn", 3)

    def test_streamed_chat_ends_with_usage_and_done(self, connection: HTTPConnection) -> None:
        """
        Given a streaming request that asks for usage,
        when it is answered,
        then the pieces make the text, usage comes last, and then the terminal event.
        """
        body = chat_body("a b  c", stream=True, stream_options={"include_usage": True})

        response, answer = ask(connection, body=body)
        *chunks, usage, done = events_of(answer)

        assert response.headers["content-type"].startswith("text/event-stream")
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "a b  c"
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        assert usage["usage"]["total_tokens"] == 4
        assert done == "[DONE]"

    def test_streamed_messages_begin_and_end_as_the_vendor_does(self, connection: HTTPConnection) -> None:
        """
        Given a streaming request,
        when it is answered,
        then the events come in the vendor's order.
        """
        _, answer = ask(connection, MESSAGES, chat_body("one two", max_tokens=9, stream=True))
        kinds = [event["type"] for event in events_of(answer)]

        deltas = ["content_block_delta"] * 2
        blocks = ["content_block_start", *deltas, "content_block_stop"]
        assert kinds == ["message_start", "ping", *blocks, "message_delta", "message_stop"]

    def test_max_tokens_cuts_the_answer(self, connection: HTTPConnection) -> None:
        """
        Given a limit below the length of the answer,
        when it is answered,
        then the answer is cut there and says so.
        """
        _, answer = ask(connection, body=chat_body("123456789", max_tokens=2))
        choice = json.loads(answer)["choices"][0]

        assert (choice["message"]["content"], choice["finish_reason"]) == ("12345678", "length")

    def test_a_schema_is_answered_with_an_instance(self, connection: HTTPConnection) -> None:
        """
        Given a request for structured output, by either vendor's form,
        when it is answered,
        then the text is an instance of the schema.
        """
        schema = {"type": "object", "properties": {"label": {"enum": ["a", "b"]}}, "required": ["label"]}
        wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
        formatted = {"format": {"type": "json_schema", "schema": schema}}

        _, chat = ask(connection, body=chat_body(response_format=wanted))
        _, message = ask(connection, MESSAGES, chat_body(max_tokens=99, output_config=formatted))

        assert json.loads(json.loads(chat)["choices"][0]["message"]["content"]) == {"label": "a"}
        assert json.loads(json.loads(message)["content"][0]["text"]) == {"label": "a"}

    def test_rules_answer_by_the_last_user_message(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given rules with patterns and a default answer,
        when messages come,
        then the first rule that matches answers, else the default.
        """
        fake_provider.configure(answer="other")
        fake_provider.script(
            {"user": "(?i)invoice", "answer": "billing"}, {"user": "parcel", "answer": "shipping"}
        )

        said = [
            json.loads(ask(connection, body=chat_body(text))[1])["choices"][0]["message"]["content"]
            for text in ("The Invoice", "my parcel", "hm")
        ]

        assert said == ["billing", "shipping", "other"]

    def test_tool_calls_are_scripted(self, fake_provider: FakeProvider, connection: HTTPConnection) -> None:
        """
        Given a scripted tool call,
        when both vendors' requests come,
        then each is answered in its own shape.
        """
        fake_provider.script({"answer": {"tool_calls": [{"name": "find", "arguments": {"q": "x"}}]}})

        chat = json.loads(ask(connection)[1])["choices"][0]
        message = json.loads(ask(connection, MESSAGES)[1])

        assert chat["finish_reason"] == "tool_calls"
        assert chat["message"]["tool_calls"][0]["function"] == {"name": "find", "arguments": '{"q": "x"}'}
        assert message["stop_reason"] == "tool_use"
        assert message["content"][0]["input"] == {"q": "x"}

    @pytest.mark.parametrize(
        ("finish", "chat_reason", "stop_reason"),
        [
            ("length", "length", "max_tokens"),
            ("content_filter", "content_filter", "refusal"),
            ("refusal", "stop", "refusal"),
        ],
    )
    def test_finish_reasons_are_scripted(
        self,
        fake_provider: FakeProvider,
        connection: HTTPConnection,
        finish: str,
        chat_reason: str,
        stop_reason: str,
    ) -> None:
        """
        Given a scripted ending,
        when both vendors' requests come,
        then each names it in its own words, and only a refusal is told apart from content.
        """
        fake_provider.script({"answer": {"text": "no", "finish_reason": finish}})

        choice = json.loads(ask(connection)[1])["choices"][0]
        message = json.loads(ask(connection, MESSAGES)[1])

        assert (choice["finish_reason"], message["stop_reason"]) == (chat_reason, stop_reason)
        assert choice["message"]["refusal"] == ("no" if finish == "refusal" else None)

    def test_cached_tokens_are_counted_as_each_vendor_does(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given a scripted usage with cached tokens,
        when both vendors' requests come,
        then OpenAI's input includes them and Anthropic's does not.
        """
        fake_provider.script({"answer": {"usage": {"input_tokens": 10, "cached_tokens": 4}}})

        chat = json.loads(ask(connection)[1])["usage"]
        message = json.loads(ask(connection, MESSAGES)[1])["usage"]

        assert (chat["prompt_tokens"], chat["prompt_tokens_details"]["cached_tokens"]) == (10, 4)
        assert (message["input_tokens"], message["cache_read_input_tokens"]) == (6, 4)

    def test_models_are_listed_and_others_unknown(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given a server that knows one model,
        when the list and another model are asked for,
        then the list has the one and the other is a 404.
        """
        fake_provider.configure(models=["known"])

        connection.request("GET", "/v1/models")
        listed = json.loads(connection.getresponse().read())
        response, answer = ask(connection, body=chat_body() | {"model": "other"})

        assert [model["id"] for model in listed["data"]] == ["known"]
        assert (response.status, json.loads(answer)["error"]["code"]) == (404, "model_not_found")

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (CHAT, {"model": "m"}),
            (CHAT, {"messages": [{"role": "user", "content": "x"}]}),
            (MESSAGES, chat_body()),
            (MESSAGES, chat_body(max_tokens=9, temperature=0)),
            (RESPONSES, chat_body()),
            (RESPONSES, {"model": "m"}),
            (RESPONSES, {"model": "m", "input": []}),
            (RESPONSES, {"model": "m", "input": [{"type": "x"}]}),
            (RESPONSES, {"model": "m", "input": "x", "seed": 1}),
            (RESPONSES, {"model": "m", "input": "x", "max_output_tokens": 15}),
            (RESPONSES, {"model": "m", "input": [{"role": "user", "content": [{"type": "output_text"}]}]}),
            (
                RESPONSES,
                {"model": "m", "input": [{"type": "function_call_output", "call_id": "c", "output": ""}]},
            ),
        ],
    )
    def test_requests_that_a_vendor_would_refuse_are_refused(
        self, connection: HTTPConnection, path: str, body: dict[str, Any]
    ) -> None:
        """
        Given a request without a required key, or with one that the vendor has not,
        when it comes,
        then it is a 400 of the vendor's shape.
        """
        response, answer = ask(connection, path, body)

        assert response.status == 400
        assert json.loads(answer)["error"]["type"] == "invalid_request_error"

    def test_latency_delays_the_answer(self, fake_provider: FakeProvider, connection: HTTPConnection) -> None:
        """
        Given a latency of 40 ms,
        when a request is made,
        then its answer takes at least that long.
        """
        fake_provider.configure(latency_ms=40)
        begun = time.monotonic()

        ask(connection)

        assert time.monotonic() - begun >= 0.04

    @pytest.mark.parametrize(
        ("schema", "instance"),
        [
            ({"type": "string", "minLength": 2}, "xx"),
            ({"type": "integer", "exclusiveMinimum": 4, "multipleOf": 5}, 5),
            ({"type": "integer", "minimum": -9, "maximum": -3}, -3),
            ({"type": "number", "maximum": -1}, -1),
            ({"type": "array", "items": {"type": "boolean"}, "minItems": 2}, [False, False]),
            ({"type": ["null", "string"]}, None),
            ({"anyOf": [{"const": 7}, {"type": "string"}]}, 7),
            ({"$ref": "#/$defs/a", "$defs": {"a": {"enum": ["z"]}}}, "z"),
            ({"allOf": [{"required": ["a"], "properties": {"a": {"type": "null"}}}]}, {"a": None}),
        ],
    )
    def test_minimal_instances(self, schema: dict[str, Any], instance: object) -> None:
        """
        Given a schema,
        when an instance is made,
        then it is the simplest.
        """
        assert minimal_instance(schema) == instance


class TestFaults:
    """Each fault on the wire."""

    @pytest.mark.parametrize("status", STATUSES)
    def test_status_with_the_vendors_error_body(
        self, fake_provider: FakeProvider, connection: HTTPConnection, status: int
    ) -> None:
        """
        Given a scripted status,
        when both vendors' requests come,
        then each has that status and an error in its own shape.
        """
        fake_provider.script({"status": status})

        chat, chat_answer = ask(connection)
        message, message_answer = ask(connection, MESSAGES)

        assert (chat.status, message.status) == (status, status)
        assert {"message", "type", "param", "code"} == set(json.loads(chat_answer)["error"])
        assert json.loads(message_answer)["type"] == "error"

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    def test_an_error_says_what_its_rule_says(
        self, fake_provider: FakeProvider, connection: HTTPConnection, path: str
    ) -> None:
        """
        Given a rule with a message and a code of its own for the error,
        when that status is answered,
        then the vendor's error object has them.
        """
        fake_provider.script({"status": 402, "error": {"message": "no credit", "code": "insufficient_quota"}})

        response, answer = ask(connection, path)

        error = json.loads(answer)["error"]
        assert (response.status, error["message"], error["code"]) == (402, "no credit", "insufficient_quota")

    @pytest.mark.parametrize(
        ("wanted", "header", "value"),
        [
            (2, "retry-after", "2"),
            (1.5, "retry-after", "1.5"),
            ({"ms": 250}, "retry-after-ms", "250"),
            ("soon", "retry-after", "soon"),
            (999999999, "retry-after", "999999999"),
        ],
    )
    def test_retry_after_forms(
        self,
        fake_provider: FakeProvider,
        connection: HTTPConnection,
        wanted: object,
        header: str,
        value: str,
    ) -> None:
        """
        Given a Retry-After of some form,
        when the status comes,
        then the header stands there as scripted.
        """
        fake_provider.script({"status": 429, "retry_after": wanted})

        response, _ = ask(connection)

        assert response.headers[header] == value

    @pytest.mark.parametrize("offset", [60, -60])
    def test_retry_after_as_a_date(
        self, fake_provider: FakeProvider, connection: HTTPConnection, offset: int
    ) -> None:
        """
        Given a Retry-After as a date to come or past,
        when the status comes,
        then the header is that HTTP date.
        """
        fake_provider.script({"status": 503, "retry_after": {"date": offset}})

        response, _ = ask(connection)
        given = parsedate_to_datetime(response.headers["retry-after"])

        assert abs((given - datetime.now(UTC)).total_seconds() - offset) < WAIT / 2

    @pytest.mark.parametrize(
        ("fault", "arrives", "ending"),
        [
            ("reset-before-headers", "nothing", "reset"),
            ("reset-after-headers", "headers", "reset"),
            ("reset-in-body", "half", "reset"),
            ("cut-body", "half", "closed"),
            ("hang", "nothing", "open"),
            ("hang-after-headers", "headers", "open"),
            ("hang-in-body", "half", "open"),
        ],
    )
    def test_broken_answers(self, fake_provider: FakeProvider, fault: str, arrives: str, ending: str) -> None:
        """
        Given a fault of the connection,
        when a request is made on a bare socket,
        then so much arrives and so it ends, and the journal has it as aborted with these bytes.
        """
        fake_provider.script({"fault": fault})

        received, ended = raw_exchange(
            fake_provider.port,
            patience=0.05 if ending == "open" else WAIT,
            sent=lambda: fake_provider.wait_for_requests(1),
        )
        head, _, body = received.partition(b"\r\n\r\n")
        promised = int(head.lower().rpartition(b"content-length: ")[2].split(b"\r\n")[0]) if head else 0
        (answer,) = fake_provider.answers()

        expected = {"nothing": (False, 0), "headers": (True, 0), "half": (True, promised // 2)}[arrives]
        assert (bool(head), len(body)) == expected
        assert ended == ending
        assert (answer.outcome, answer.bytes) == ("aborted", len(received))
        assert answer.status == (200 if head else None)

    def test_a_drip_sends_byte_by_byte(self, fake_provider: FakeProvider, connection: HTTPConnection) -> None:
        """
        Given a drip of 1 ms a byte,
        when a request is made,
        then the whole answer comes, and takes at least that long.
        """
        fake_provider.script({"fault": "drip", "ms": 1, "answer": "x"})
        begun = time.monotonic()

        _, answer = ask(connection)

        assert json.loads(answer)["choices"][0]["message"]["content"] == "x"
        assert time.monotonic() - begun >= len(answer) / 1000

    def test_refusal_closes_the_port_and_opens_it_again(self, fake_provider: FakeProvider) -> None:
        """
        Given a refusal for an hour at the first request,
        when it has been reset, and the refusal is for 50 ms more,
        then connections are refused, and after that time accepted at the same port.
        """
        fake_provider.script({"fault": "refuse", "seconds": 3_600, "first": 1})

        first = raw_exchange(fake_provider.port)
        with pytest.raises(ConnectionRefusedError):
            raw_exchange(fake_provider.port)
        begun = time.monotonic()
        fake_provider.refuse(0.05)
        received = None
        while received is None:
            with suppress(ConnectionRefusedError):
                received, _ = raw_exchange(fake_provider.port)

        assert first == (b"", "reset")
        assert received.startswith(b"HTTP/1.1 200")
        assert time.monotonic() - begun >= 0.05

    def test_what_is_held_back_is_answered_once_the_script_is_set_anew(
        self, fake_provider: FakeProvider
    ) -> None:
        """
        Given a script that holds answers back,
        when a request has come, and the script is taken away,
        then it is answered as usual, and not before.
        """
        fake_provider.script({"fault": "hold"})
        states = []

        def release() -> None:
            fake_provider.wait_for_requests(1)
            states.append(fake_provider.state()["answers"])
            fake_provider.script()

        received, _ = raw_exchange(fake_provider.port, sent=release)

        assert states == [0]
        assert received.startswith(b"HTTP/1.1 200")
        assert [answer.outcome for answer in fake_provider.answers()] == ["sent"]

    def test_a_dead_server_refuses(self) -> None:
        """
        Given the address of a dead server,
        when a connection is tried,
        then it is refused.
        """
        with dead_server() as address, pytest.raises(ConnectionRefusedError):
            raw_exchange(int(address.split(":")[2].split("/")[0]))

    @pytest.mark.parametrize(
        ("fault", "content_type"),
        [
            ("html", "text/html; charset=utf-8"),
            ("truncated-json", "application/json"),
            ("empty-body", "application/json"),
        ],
    )
    def test_bodies_that_are_no_json(
        self, fake_provider: FakeProvider, connection: HTTPConnection, fault: str, content_type: str
    ) -> None:
        """
        Given a fault of the body,
        when a request is made,
        then HTTP is right, status 200, and the body no JSON.
        """
        fake_provider.script({"fault": fault})

        response, answer = ask(connection)

        assert (response.status, response.headers["content-type"]) == (200, content_type)
        assert response.headers["content-length"] == str(len(answer))
        with pytest.raises(ValueError, match="char"):
            json.loads(answer)

    def test_json_of_another_shape(self, fake_provider: FakeProvider, connection: HTTPConnection) -> None:
        """
        Given the faults that change the JSON,
        when requests are made one after the other,
        then each lacks what its name says.
        """
        faults = ("wrong-shape", "empty-choices", "no-usage", "null-content")
        fake_provider.script(*({"fault": fault, "nth": nth} for nth, fault in enumerate(faults, 1)))

        shape, choices, usage, content = [json.loads(ask(connection)[1]) for _ in faults]

        assert shape == {"hello": "world"}
        assert choices["choices"] == []
        assert "usage" not in usage
        assert content["choices"][0]["message"]["content"] is None

    def test_messages_without_content_or_usage(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given the same faults,
        when Anthropic's requests are made, one of them streamed,
        then each lacks what its name says.
        """
        faults = ("empty-choices", "no-usage", "null-content", "no-usage")
        fake_provider.script(*({"fault": fault, "nth": nth} for nth, fault in enumerate(faults, 1)))

        choices, usage, content = [json.loads(ask(connection, MESSAGES)[1]) for _ in range(3)]
        streamed = ask(connection, MESSAGES, chat_body(max_tokens=9, stream=True))[1]

        assert (choices["content"], content["content"]) == ([], None)
        assert "usage" not in usage
        assert b"usage" not in streamed
        assert streamed.endswith(b'{"type": "message_stop"}\n\n')

    def test_responses_without_output_content_or_usage(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given the same faults,
        when responses are asked for, one of them streamed,
        then each lacks what its name says.
        """
        faults = ("empty-choices", "no-usage", "null-content", "empty-choices")
        fake_provider.script(*({"fault": fault, "nth": nth} for nth, fault in enumerate(faults, 1)))
        asked = {"model": "m", "input": "hello"}

        choices, usage, content = [json.loads(ask(connection, RESPONSES, asked)[1]) for _ in range(3)]
        streamed = events_of(ask(connection, RESPONSES, asked | {"stream": True})[1])

        assert choices["output"] == []
        assert "usage" not in usage
        assert content["output"][-1]["content"] is None
        kinds = [event["type"] for event in streamed]
        assert kinds == ["response.created", "response.in_progress", "response.completed"]
        assert streamed[-1]["response"]["output"] == []

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    def test_a_stream_may_end_silently(
        self, fake_provider: FakeProvider, connection: HTTPConnection, path: str
    ) -> None:
        """
        Given a silent end,
        when a stream is asked for,
        then HTTP ends as it should, without the terminal event, and the connection goes on.
        """
        fake_provider.script({"fault": "silent-end", "first": 1})

        _, silent = ask(connection, path, chat_body(max_tokens=9, stream=True))
        _, whole = ask(connection, path, chat_body(max_tokens=9, stream=True))

        assert (
            events_of(silent)
            == events_of(whole.replace(b"cmpl-2", b"cmpl-1").replace(b"msg_2", b"msg_1"))[:-1]
        )
        assert len({request.connection for request in fake_provider.requests()}) == 1

    def test_a_plain_answer_may_end_silently(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given a silent end,
        when a plain answer is asked for,
        then it has no length and stops half-way, as if that were all.
        """
        fake_provider.script({"fault": "silent-end"})

        response, answer = ask(connection)

        assert "content-length" not in response.headers
        assert answer.startswith(b'{"id"')
        assert not answer.endswith(b"}")

    @pytest.mark.parametrize("path", [CHAT, MESSAGES])
    def test_a_stream_may_break_off_with_an_error_event(
        self, fake_provider: FakeProvider, connection: HTTPConnection, path: str
    ) -> None:
        """
        Given an error event after two others,
        when a stream is asked for,
        then the third event is the error, and the last.
        """
        fake_provider.script({"fault": "error-event", "at": 2})

        _, answer = ask(connection, path, chat_body(max_tokens=9, stream=True))
        events = events_of(answer)

        assert len(events) == 3
        assert events[2]["error"]["message"] == "Overloaded"

    def test_a_stream_may_hold_broken_json(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given truncated JSON,
        when a stream is asked for,
        then an event in its middle is broken and the end is there.
        """
        fake_provider.script({"fault": "truncated-json"})

        _, answer = ask(connection, body=chat_body(stream=True))

        assert answer.endswith(b"data: [DONE]\n\n")
        with pytest.raises(ValueError, match="column"):
            events_of(answer)

    def test_a_stream_may_be_cut(self, fake_provider: FakeProvider, connection: HTTPConnection) -> None:
        """
        Given a cut body,
        when a stream is asked for,
        then the connection closes within it.
        """
        fake_provider.script({"fault": "cut-body"})

        with pytest.raises(IncompleteRead):
            ask(connection, body=chat_body(stream=True))

    def test_a_redirect_leads_to_another_host(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given a redirect,
        when a request is made,
        then it is a 307 to the other host.
        """
        fake_provider.script({"fault": "redirect", "to": "http://127.0.0.2:1/steal"})

        response, _ = ask(connection)

        assert (response.status, response.headers["location"]) == (307, "http://127.0.0.2:1/steal")

    def test_capacity_gives_429_beyond_it(self, fake_provider: FakeProvider) -> None:
        """
        Given a server that takes one request at a time,
        when two come at once,
        then the second is a 429 with Retry-After.
        """
        fake_provider.configure(max_concurrent=1)
        fake_provider.script({"first": 1, "fault": "hang"})
        with socket.create_connection(("127.0.0.1", fake_provider.port)) as hanging:
            hanging.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
            fake_provider.wait_for_requests(1)

            received, _ = raw_exchange(fake_provider.port)

        assert received.startswith(b"HTTP/1.1 429")
        assert b"retry-after: 1" in received

    def test_rules_choose_by_count_and_by_body(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given rules by count among the requests that match a pattern,
        when requests come,
        then each rule counts its own.
        """
        fake_provider.script({"body": "ticket 7", "nth": [2], "status": 500}, {"nth": 1, "status": 503})

        texts = ("ticket 7", "ticket 8", "ticket 7", "ticket 7")
        statuses = [ask(connection, body=chat_body(text))[0].status for text in texts]

        assert statuses == [503, 200, 500, 200]

    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ({"fault": "hangs"}, "script.0..fault: unknown fault 'hangs'; did you mean hang"),
            ({"nht": 1}, "unknown key 'nht'; did you mean nth"),
            ({"body": "("}, "script.0..body: missing"),
            ({"fault": "status"}, "status: a number is wanted"),
        ],
    )
    def test_a_wrong_script_is_refused(
        self, fake_provider: FakeProvider, rule: dict[str, Any], message: str
    ) -> None:
        """
        Given a rule with a mistake,
        when it is set,
        then the mistake is named.
        """
        with pytest.raises(ValueError, match=message):
            fake_provider.script(rule)


class TestJournal:
    """The judge of money and crashes."""

    def test_a_request_is_written_with_what_came(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given a request,
        when it is answered,
        then the journal has it with its body and what it costs.
        """
        ask(connection, body=chat_body("12345678"))

        (request,) = fake_provider.requests()
        (answer,) = fake_provider.answers()

        assert (request.seq, request.method, request.path) == (1, "POST", CHAT)
        assert request.body == chat_body("12345678")
        assert request.usage == {"input_tokens": 2, "output_tokens": 2, "cached_tokens": 0}
        assert (answer.seq, answer.status, answer.outcome) == (1, 200, "sent")
        assert answer.monotonic >= request.monotonic

    @pytest.mark.parametrize(
        ("header", "value", "state", "status"),
        [
            ("authorization", f"Bearer {KEY}", "right", 200),
            ("x-api-key", KEY, "right", 200),
            ("authorization", "Bearer another-secret", "wrong", 401),
            ("accept", "*/*", "none", 401),
        ],
    )
    def test_a_key_is_judged_and_never_stored(
        self,
        fake_provider: FakeProvider,
        connection: HTTPConnection,
        *,
        header: str,
        value: str,
        state: str,
        status: int,
    ) -> None:
        """
        Given a server that demands a key,
        when a request comes with it, with another or none, and with it in its body,
        then the journal says which, and holds no key.
        """
        fake_provider.configure(api_key=KEY)

        response, _ = ask(connection, body=chat_body(f"my key is {KEY}"), **{header: value})

        assert response.status == status
        assert fake_provider.requests()[0].key == state
        stored = fake_provider.journal_path.read_text()
        assert KEY not in stored
        assert "another-secret" not in stored

    def test_a_body_that_is_no_json_is_kept_as_text(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given a body that is no JSON, and one over several lines,
        when they come,
        then the journal keeps one line a request, the first as text.
        """
        connection.request("POST", CHAT, b'{"a": \n')
        status = connection.getresponse()
        status.read()
        connection.request("POST", CHAT, json.dumps(chat_body(), indent=1))
        connection.getresponse().read()

        assert status.status == 400
        assert [request.body for request in fake_provider.requests()] == ['{"a": \n', chat_body()]

    def test_a_request_that_the_provider_fails_on_is_journalled_too(
        self, fake_provider: FakeProvider, connection: HTTPConnection
    ) -> None:
        """
        Given an answer scripted with a usage that cannot be,
        when a request comes,
        then it is answered with what went wrong, and in the journal.
        """
        fake_provider.script({"answer": {"usage": {"bogus": 1}}})

        response, answer = ask(connection)

        assert response.status == 500
        assert "bogus" in json.loads(answer)["error"]["message"]
        assert fake_provider.sent_count == 1

    def test_a_client_that_is_killed_leaves_an_aborted_answer(self, fake_provider: FakeProvider) -> None:
        """
        Given a client process that waits for its answer,
        when it is killed,
        then the request is in the journal, and its answer aborted.
        """
        fake_provider.script({"fault": "hang"})
        program = (
            "import http.client, json, sys; c = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]));"
            f"c.request('POST', '{CHAT}', json.dumps({chat_body()!r})); c.getresponse()"
        )
        with subprocess.Popen([sys.executable, "-S", "-c", program, str(fake_provider.port)]) as client:
            fake_provider.wait_for_requests(1)
            client.kill()

        (answer,) = fake_provider.answers()

        assert fake_provider.sent_count == 1
        assert (answer.outcome, answer.status) == ("aborted", None)

    def test_what_a_client_sent_before_it_went_is_counted(self, fake_provider: FakeProvider) -> None:
        """
        Given a provider that does not come to read for a while,
        when clients have sent requests and are gone, and it is asked what has come,
        then all of these have.
        """
        body = json.dumps(chat_body()).encode()
        fake_provider.script({"fault": "hang"})
        os.kill(fake_provider.pid, signal.SIGSTOP)
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", fake_provider.port)) as client:
                client.sendall(
                    b"POST %b HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)
                )
        os.kill(fake_provider.pid, signal.SIGCONT)

        assert fake_provider.sent_count == 20
        assert fake_provider.state()["in_flight"] == 0

    async def test_it_is_exact_under_64_connections(self, fake_provider: FakeProvider) -> None:
        """
        Given 64 connections that each make 20 requests,
        when all are answered,
        then the journal has each of them once, numbered without a gap, and its answer.
        """
        per_client = 20

        async def client(number: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", fake_provider.port)
            for turn in range(per_client):
                body = json.dumps(chat_body(f"{number}/{turn}")).encode()
                head = f"POST {CHAT} HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                answer = await reader.readuntil(b"\r\n\r\n")
                length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
            writer.close()
            await writer.wait_closed()

        await asyncio.gather(*(client(number) for number in range(64)))

        requests, answers = fake_provider.requests(), fake_provider.answers()
        texts = {request.body["messages"][0]["content"] for request in requests}
        assert [request.seq for request in requests] == list(range(1, 64 * per_client + 1))
        assert texts == {f"{number}/{turn}" for number in range(64) for turn in range(per_client)}
        assert {answer.seq for answer in answers if answer.outcome == "sent"} == {r.seq for r in requests}
        assert max(request.in_flight for request in requests) <= 64

    def test_a_reset_begins_anew(self, fake_provider: FakeProvider, connection: HTTPConnection) -> None:
        """
        Given a script, a request under way and an old journal,
        when the provider is reset,
        then the old journal has the abort, and the new one is empty and numbered from 1.
        """
        fake_provider.script({"fault": "hang"})
        connection.request("POST", CHAT, json.dumps(chat_body()))
        fake_provider.wait_for_requests(1)
        old = fake_provider.journal_path

        fake_provider.reset()
        with pytest.raises((RemoteDisconnected, ConnectionResetError, BadStatusLine)):
            connection.getresponse()
        connection.close()
        ask(connection)

        assert b'"aborted"' in old.read_bytes()
        assert [request.seq for request in fake_provider.requests()] == [1]

    def test_pipelined_requests_are_answered_in_order(self, fake_provider: FakeProvider) -> None:
        """
        Given two requests in one packet,
        when they come,
        then both are answered, the first one first.
        """
        one, two = (json.dumps(chat_body(text)).encode() for text in ("first", "second"))
        packet = b"".join(
            b"POST %b HTTP/1.1\r\ncontent-length: %d\r\n\r\n%b" % (CHAT.encode(), len(body), body)
            for body in (one, two)
        )
        fake_provider.configure(latency_ms=5)

        with socket.create_connection(("127.0.0.1", fake_provider.port), timeout=WAIT) as client:
            client.sendall(packet)
            received = b""
            while received.count(b"HTTP/1.1 200") < 2 or b"second" not in received:
                received += client.recv(65536)

        assert 0 < received.index(b"first") < received.index(b"second")

    def test_a_large_answer_is_sent_whole(self, fake_provider: FakeProvider) -> None:
        """
        Given an answer of 8 MB and a client that begins to read late,
        when it has read everything,
        then the journal counts each byte as sent.
        """
        fake_provider.configure(answer="x" * 8_000_000)

        with socket.create_connection(("127.0.0.1", fake_provider.port), timeout=WAIT) as client:
            body = json.dumps(chat_body()).encode()
            head = f"POST {CHAT} HTTP/1.1\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body)
            time.sleep(0.05)
            size = sum(iter(lambda: len(client.recv(1 << 20)), 0))
        (answer,) = fake_provider.answers()

        assert size > 8_000_000
        assert (answer.outcome, answer.bytes) == ("sent", size)


class TestProcess:
    """How it lives and dies."""

    def test_it_ends_when_its_stdin_closes(self, tmp_path: Path) -> None:
        """
        Given a running provider,
        when its stdin closes,
        then it ends with 0.
        """
        with fake_provider_process(tmp_path) as provider:
            process = provider._process
        code = process.wait(WAIT)

        assert code == 0

    def test_it_ends_on_sigterm_and_journals_what_was_open(self, tmp_path: Path) -> None:
        """
        Given a provider with a request that hangs,
        when it is terminated,
        then it ends with 0 and the request is journalled as aborted.
        """
        with fake_provider_process(tmp_path, "--script", '{"fault": "hang"}') as provider:
            provider.script({"fault": "hang"})
            with socket.create_connection(("127.0.0.1", provider.port)) as client:
                client.sendall(b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n")
                provider.wait_for_requests(1)
                provider._process.send_signal(signal.SIGTERM)
                code = provider._process.wait(WAIT)

        assert code == 0
        assert b'"aborted"' in provider.journal_path.read_bytes()

    async def test_it_runs_inside_an_event_loop(self) -> None:
        """
        Given a server in the test's own loop, without a journal file,
        when a request is made,
        then it is answered and counted.
        """
        async with FakeServer(Options(answer="hi")) as server:
            received, _ = await asyncio.to_thread(raw_exchange, server.port)

        assert b'"content": "hi"' in received
        assert (server.journal.requests, server.journal.path) == (1, None)

    def test_each_delivery_fault_is_known_to_the_script(self) -> None:
        """
        Given the tables of faults,
        when their names are put together,
        then none stands twice.
        """
        assert len(FAULTS) == len(set(FAULTS))
        assert set(DELIVERY_FAULTS) < set(FAULTS)
