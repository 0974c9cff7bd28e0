"""What is asked and what is answered, in words that all APIs share."""

import json
import re
from dataclasses import dataclass
from typing import Literal, Protocol

from .schema import minimal_instance
from .wire import Json, JsonObject, Usage

type Finish = Literal["stop", "length", "content_filter", "refusal", "tool_calls"]

CHARACTERS_PER_TOKEN = 4


class Rejected(Exception):
    """A request that is answered with an error status."""

    def __init__(self, status: int, message: str | None = None, /, **details: Json) -> None:
        super().__init__(message or f"scripted status {status}")
        self.status = status
        self.details: JsonObject = details


@dataclass(frozen=True, slots=True)
class Prompt:
    """A completion request; `schema` is the JSON Schema that the answer must satisfy."""

    model: str
    last_user: str
    characters: int
    stream: bool = False
    include_usage: bool = True
    schema: Json = None
    max_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that the model asks for; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model says; with finish `refusal`, the text is the refusal."""

    text: str
    finish: Finish
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = ()

    def pieces(self) -> list[str]:
        """Return the text in the pieces that a stream sends."""
        return re.findall(r"\s*\S+|\s+$", self.text)


class Vendor(Protocol):
    """The shapes of one API; `terminal` ends its streams, empty where the last event does."""

    terminal: bytes

    def read(self, body: JsonObject, headers: dict[str, str]) -> Prompt:
        """Read a request; raises Rejected with status 400 where the API would."""
        ...

    def whole(self, prompt: Prompt, answer: Answer, number: int) -> JsonObject: ...

    def events(self, prompt: Prompt, answer: Answer, number: int) -> list[JsonObject]: ...

    def frame(self, event: JsonObject) -> bytes: ...

    def error(self, rejected: Rejected) -> JsonObject: ...

    def models(self, names: tuple[str, ...]) -> JsonObject: ...


def text_of(content: Json) -> str:
    """Return the text of a message's content, which is a string or a list of blocks."""
    if isinstance(content, list):
        return "".join(text_of(block.get("text")) for block in content if isinstance(block, dict))
    return content if isinstance(content, str) else ""


def last_user(messages: list[JsonObject]) -> str:
    texts = (
        text_of(message.get("content")) for message in reversed(messages) if message.get("role") == "user"
    )
    return next(texts, "")


def messages_of(body: JsonObject) -> list[JsonObject]:
    """Return the messages; raises Rejected if they are missing or no list of objects."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Rejected(400, "messages: a list with at least one message is required")
    if not all(isinstance(message, dict) and "role" in message for message in messages):
        raise Rejected(400, "messages: each must be an object with a role")
    return messages


def require(body: JsonObject, key: str, kind: type) -> None:
    if not isinstance(body.get(key), kind):
        raise Rejected(400, f"{key}: field required")


def tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)


def answer_to(prompt: Prompt, scripted: str | JsonObject | None) -> Answer:
    """Answer as scripted; else with an instance of the schema; else with the last user message."""
    said: JsonObject = {"text": scripted} if isinstance(scripted, str) else dict(scripted or {})
    calls = tuple(_tool_call(call, index) for index, call in enumerate(said.get("tool_calls", ())))
    text = said.get("text")
    if text is None:
        text = "" if calls else _default_text(prompt)
    finish: Finish = said.get("finish_reason") or ("tool_calls" if calls else "stop")
    if "finish_reason" not in said and prompt.max_tokens and tokens(len(text)) > prompt.max_tokens:
        text, finish = text[: prompt.max_tokens * CHARACTERS_PER_TOKEN], "length"
    length = len(text) + sum(len(call.name) + len(call.arguments) for call in calls)
    counted = {"input_tokens": tokens(prompt.characters), "output_tokens": tokens(length)}
    return Answer(text, finish, Usage(**(counted | said.get("usage", {}))), calls)


def _default_text(prompt: Prompt) -> str:
    if prompt.schema is None:
        return prompt.last_user
    return json.dumps(minimal_instance(prompt.schema), ensure_ascii=False)


def _tool_call(call: JsonObject, index: int) -> ToolCall:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(call.get("id", f"call_{index}"), call["name"], text)
