"""A stream of Anthropic's messages: events put together to the body that a plain answer would have."""

import json
from collections.abc import Iterable
from dataclasses import field
from typing import Any

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON


class MessagesStream:
    """How Anthropic's dialect streams."""

    asked: dict[str, JSON] = {"stream": True}  # noqa: RUF012

    def piece(self, event: Any) -> str:
        """Give the text that an event adds, or nothing."""
        delta = event.get("delta") if isinstance(event, dict) else None
        text = delta.get("text") if isinstance(delta, dict) else None
        return text if isinstance(text, str) else ""

    def assembled(self, events: Iterable[Any]) -> dict[str, Any]:
        """Give the plain body; raises ValueError where the stream ended before its end."""
        answer = _Answer()
        for event in events:
            if not isinstance(event, dict):
                raise ValueError("an event that is no object")  # noqa: TRY004
            if event.get("type") == "error":
                return event
            answer.take(event)
        if not answer.is_over:
            raise ValueError("the stream ended without message_stop")
        return answer.body()


@slotted
class _Answer:
    message: dict[str, Any] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    arguments: dict[int, str] = field(default_factory=dict)
    is_over: bool = False

    def take(self, event: dict[str, Any]) -> None:
        match event:
            case {"type": "message_start", "message": dict(message)}:
                self.message = message
                self.usage.update(message.get("usage") or {})
            case {"type": "content_block_start", "index": int(index), "content_block": dict(block)}:
                self.blocks[index] = dict(block)
            case {"type": "content_block_delta", "index": int(index), "delta": dict(delta)}:
                self._take_delta(index, delta)
            case {"type": "message_delta", "delta": dict(delta)}:
                self.message = {**self.message, **delta}
                self.usage.update(_said(event.get("usage")))
            case {"type": "message_stop"}:
                self.is_over = True

    def body(self) -> dict[str, Any]:
        for index, text in self.arguments.items():
            self.blocks[index]["input"] = json.loads(text or "{}")
        blocks = [self.blocks[index] for index in sorted(self.blocks)]
        return {**self.message, "content": blocks, "usage": self.usage}

    def _take_delta(self, index: int, delta: dict[str, Any]) -> None:
        block = self.blocks.get(index)
        if block is None:
            raise ValueError("a delta of a block that was not begun")
        if isinstance(delta.get("text"), str):
            block["text"] = block.get("text", "") + delta["text"]
        if isinstance(delta.get("partial_json"), str):
            self.arguments[index] = self.arguments.get(index, "") + delta["partial_json"]


def _said(usage: Any) -> dict[str, Any]:
    return {name: value for name, value in (usage or {}).items() if value is not None}
