"""A stream of OpenAI's responses: its last event carries the body that a plain answer would have."""

from collections.abc import Iterable
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.providers.events import DONE


class ResponsesStream:
    """How OpenAI's responses stream."""

    asked: dict[str, JSON] = {"stream": True}  # noqa: RUF012

    def piece(self, event: Any) -> str:
        """Give the text that an event adds, or nothing."""
        match event:
            case {"type": "response.output_text.delta", "delta": str(delta)}:
                return delta
        return ""

    def assembled(self, events: Iterable[Any]) -> dict[str, Any]:
        """Give the plain body; raises ValueError where the stream ended before its end."""
        for event in events:
            match event:
                case {
                    "type": "response.completed" | "response.incomplete" | "response.failed",
                    "response": dict(response),
                }:
                    return response
                case {"type": "error"} | {"error": dict()}:  # servers differ in where they say what it is
                    return {"error": event.get("error") or event}
                case dict():
                    continue
                case _ if event != DONE:
                    raise ValueError("an event that is no object")
        raise ValueError("the stream ended without response.completed")
