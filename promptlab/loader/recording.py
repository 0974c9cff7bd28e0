"""One recording: what was asked, and what came of it, as a file that people read in a review.

JSON with sorted keys. A text of several lines is `{"$lines": […]}`, so that a diff shows which changed.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from pydantic import Field, TypeAdapter, ValidationError

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, digest, pretty
from promptlab.engine.completion import (
    FINGERPRINT_VERSION,
    Completion,
    CompletionRequest,
    FinishReason,
    Usage,
)
from promptlab.engine.conversation import ToolCall
from promptlab.loader.json_reader import DECODER, add_fault, loads
from promptlab.loader.json_scanner import JsonFaultError
from promptlab.loader.problems import Position, Problems
from promptlab.loader.source_text import SourceText
from promptlab.schemas.base import Frozen, Items

VERSION = 1
LINES = "$lines"
TIMES = ("latency_ms", "first_token_ms")
_ESCAPED = re.compile(r"^\$+lines$")  # keys of what was said that look like ours get one more "$"
START = Position(1, 1)
AGAIN = "take it away, and `promptlab recordings update` writes it anew"


@frozen
class Recording:
    """`request` is what its fingerprint is made of."""

    fingerprint: str
    request: Mapping[str, JSON]
    answer: Completion


class AskedTool(Frozen):
    id: str
    name: str
    arguments: str


class Tokens(Frozen):
    input_tokens: int = Field(default=0, ge=0)
    output_tokens: int = Field(default=0, ge=0)
    cached_tokens: int = Field(default=0, ge=0)
    reasoning_tokens: int = Field(default=0, ge=0)


class RecordedAnswer(Frozen):
    """The answer as the file has it; cost in USD (absent: unknown), times in ms.

    `error`: why a function of the project gave none; models are told what a tool raised.
    """

    text: str
    error: str | None = None
    tool_calls: Items[AskedTool] = ()
    finish_reason: FinishReason = "stop"
    usage: Tokens = Tokens()
    cost_usd: float | None = None
    latency_ms: float = Field(default=0.0, ge=0)
    first_token_ms: float | None = None
    model: str = ""
    logprobs: Items[float] | None = None

    def completion(self) -> Completion:
        return Completion(
            text=self.text,
            tool_calls=tuple(ToolCall(one.id, one.name, one.arguments) for one in self.tool_calls),
            finish_reason=self.finish_reason,
            usage=Usage(**self.usage.model_dump()),
            cost_usd=self.cost_usd,
            latency_ms=self.latency_ms,
            first_token_ms=self.first_token_ms,
            answered_by=self.model,
            logprobs=self.logprobs,
            error=self.error,
            attempts=0,
            recalled=True,
        )


class RecordingFile(Frozen):
    """The whole file."""

    version: Literal[1]
    request: dict[str, Any]
    answer: RecordedAnswer


_FILE = TypeAdapter(RecordingFile)


def recording_text(request: CompletionRequest, answer: Completion) -> str:
    """Give the text of a recording; equal answers to equal requests give equal texts."""
    document: dict[str, JSON] = {"answer": _answer(answer), "request": request.as_json(), "version": VERSION}
    return pretty(_split(document))


def timeless(content: bytes) -> JSON:
    """Give what a recording says but for times and what a cache spared; None where it is none."""
    try:
        document = json.loads(content)
        answer = document["answer"]
        for name in TIMES:
            answer.pop(name, None)
        answer.get("usage", {}).pop("cached_tokens", None)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return cast("JSON", document)


def read_recording(path: str, text: str, problems: Problems, *, named: str) -> Recording | None:
    """Read the file at PATH, whose name says the fingerprint NAMED; None, and a problem, where it is none."""
    source = SourceText(path, text)
    try:
        value = _value(source)
        file = _FILE.validate_python(_joined(value) if LINES in text else value)
    except JsonFaultError as fault:
        add_fault(problems, fault, hint=AGAIN)
        return None
    except ValidationError as error:
        problems.add(source, START, f"this is no recording: {_first(error)}", code="recording", hint=AGAIN)
        return None
    if digest([FINGERPRINT_VERSION, file.request]) != named:
        message = "the file's name is not the fingerprint of its request; one of them was changed"
        problems.add(source, START, message, code="recording", hint=AGAIN)
        return None
    return Recording(named, file.request, file.answer.completion())


def _value(source: SourceText) -> JSON:
    """Read the JSON of a recording; unlike in data, NUL and lone surrogates may be in it: models say them."""
    try:
        value: JSON = DECODER.decode(source.text)
    except (ValueError, RecursionError):
        value = loads(source)  # which says where the fault is
    return value


def _answer(answer: Completion) -> dict[str, JSON]:
    """Say what is known of an answer, and nothing that goes without saying."""
    usage = {name: getattr(answer.usage, name) for name in Tokens.model_fields}
    told: dict[str, Any] = {
        "text": answer.text,
        "error": answer.error,
        "tool_calls": [call.as_json() for call in answer.tool_calls],
        "finish_reason": answer.finish_reason,
        "usage": {name: count for name, count in usage.items() if count},
        "cost_usd": answer.cost_usd,
        "latency_ms": answer.latency_ms,
        "first_token_ms": answer.first_token_ms,
        "model": answer.answered_by,
        "logprobs": None if answer.logprobs is None else list(answer.logprobs),
    }
    return {name: value for name, value in told.items() if value not in (None, "", [], {}) or name == "text"}


def _split(value: JSON) -> JSON:
    if isinstance(value, str) and "\n" in value:
        return {LINES: [*value.split("\n")]}
    if isinstance(value, dict):
        return {_ESCAPED.sub(r"$\g<0>", key): _split(inner) for key, inner in value.items()}
    return [_split(inner) for inner in value] if isinstance(value, list) else value


def _joined(value: JSON) -> JSON:
    if isinstance(value, list):
        return [_joined(inner) for inner in value]
    if not isinstance(value, dict):
        return value
    lines = value.get(LINES)
    if len(value) == 1 and isinstance(lines, list) and all(isinstance(line, str) for line in lines):
        return "\n".join(map(str, lines))
    return {
        _unescaped(key) if key.startswith("$") else key: inner
        if inner is None or isinstance(inner, str | int | float)
        else _joined(inner)
        for key, inner in value.items()
    }


def _unescaped(key: str) -> str:
    return key[1:] if key.startswith("$$") and _ESCAPED.fullmatch(key) else key


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg'].lower()}" if where else first["msg"].lower()
