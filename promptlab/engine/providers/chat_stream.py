"""A stream of chat completions: chunks put together to the body that a plain answer would have."""

from collections.abc import Iterable
from dataclasses import field
from typing import Any

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.providers.events import DONE


class ChatStream:
    """How OpenAI's dialect streams."""

    asked: dict[str, JSON] = {"stream": True, "stream_options": {"include_usage": True}}  # noqa: RUF012

    def piece(self, chunk: Any) -> str:
        """Give the text that a chunk adds, or nothing."""
        content = _delta(chunk).get("content")
        return _text(content)

    def assembled(self, events: Iterable[Any]) -> dict[str, Any]:
        """Give the plain body; raises ValueError where the stream ended before its end."""
        answer, is_over = _Answer(), False
        for event in events:
            if event == DONE:
                is_over = True
            elif isinstance(event, dict) and event.get("error"):
                return event
            else:
                answer.take(event)
        if not is_over:
            raise ValueError("the stream ended without [DONE]")
        return answer.body()


@slotted
class _Answer:
    model: str | None = None
    usage: Any = None
    finish_reason: str | None = None
    contents: list[str] | None = None
    refusals: list[str] = field(default_factory=list)
    tool_calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    tokens: list[Any] = field(default_factory=list)

    def take(self, chunk: Any) -> None:
        if not isinstance(chunk, dict):
            raise ValueError("an event that is no object")  # noqa: TRY004
        self.model = chunk.get("model") or self.model
        self.usage = chunk.get("usage") or self.usage
        choice = _choice(chunk)
        self.finish_reason = choice.get("finish_reason") or self.finish_reason
        self.tokens += _tokens(choice)
        self._take_delta(_delta(chunk))

    def body(self) -> dict[str, Any]:
        message: dict[str, Any] = {
            "content": None if self.contents is None else "".join(self.contents),
            "refusal": "".join(self.refusals) or None,
        }
        if self.tool_calls:
            message["tool_calls"] = [self.tool_calls[index] for index in sorted(self.tool_calls)]
        if self.finish_reason is None:
            raise ValueError("the stream ended without a finish_reason")
        choice = {"message": message, "finish_reason": self.finish_reason}
        if self.tokens:
            choice["logprobs"] = {"content": self.tokens}
        return {"model": self.model, "choices": [choice], "usage": self.usage}

    def _take_delta(self, delta: dict[str, Any]) -> None:
        if delta.get("content") is not None:
            self.contents = [*(self.contents or ()), _text(delta["content"])]
        if delta.get("refusal"):
            self.refusals.append(str(delta["refusal"]))
        for part in delta.get("tool_calls") or ():
            self._take_call(part)

    def _take_call(self, part: dict[str, Any]) -> None:
        index = part.get("index", len(self.tool_calls))
        call = self.tool_calls.setdefault(
            index, {"id": None, "type": "function", "function": {"name": "", "arguments": ""}}
        )
        said = part.get("function") or {}
        call["id"] = part.get("id") or call["id"]
        call["function"]["name"] = said.get("name") or call["function"]["name"]
        call["function"]["arguments"] += said.get("arguments") or ""


def _choice(chunk: Any) -> dict[str, Any]:
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _tokens(choice: dict[str, Any]) -> list[Any]:
    """Give the tokens that a chunk adds, where it tells how probable they were."""
    match choice:
        case {"logprobs": {"content": list(tokens)}}:
            return tokens
    return []


def _delta(chunk: Any) -> dict[str, Any]:
    delta = _choice(chunk).get("delta")
    return delta if isinstance(delta, dict) else {}


def _text(content: Any) -> str:
    """Give the text of a delta: a string, nothing, or (Mistral) a list of parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content if isinstance(content, str) else ""
