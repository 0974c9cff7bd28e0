"""What is said to a model and by it: messages, attachments, and calls of tools."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from promptlab.core.json import JSON

type Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class Attachment:
    """An image or another file inside a message: its bytes, what they are, and for a file its name."""

    kind: Literal["image", "file"]
    media_type: str
    content: bytes = field(repr=False)
    name: str | None = None

    def as_json(self) -> dict[str, JSON]:
        """Stand for the bytes by their SHA-256, so that equal content is an equal request."""
        named: dict[str, JSON] = {"name": self.name} if self.name is not None else {}
        return {
            "type": self.kind,
            "media_type": self.media_type,
            "sha256": sha256(self.content).hexdigest(),
            **named,
        }


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that a model may call; `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, JSON]

    def as_json(self) -> dict[str, JSON]:
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asks for; `arguments` is JSON as the model wrote it, well formed or not."""

    id: str
    name: str
    arguments: str

    def as_json(self) -> dict[str, JSON]:
        return {"id": self.id, "name": self.name, "arguments": self.arguments}

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "ToolCall":
        """Read what `as_json` gave."""
        return cls(**value)


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `tool_calls` are an assistant's, `tool_call_id` says which one a tool's text answers."""

    role: Role
    content: str | tuple[str | Attachment, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None

    @property
    def text(self) -> str:
        """What it says, without its attachments."""
        return "".join(part for part in self.parts if isinstance(part, str))

    @property
    def parts(self) -> tuple[str | Attachment, ...]:
        return (self.content,) if isinstance(self.content, str) else self.content

    def as_json(self) -> dict[str, JSON]:
        """Give it in our own terms, for the fingerprint and the log; dialects have their own."""
        found: dict[str, JSON] = {"role": self.role, "content": self._content()}
        if self.tool_calls:
            found["tool_calls"] = [call.as_json() for call in self.tool_calls]
        if self.tool_call_id is not None:
            found["tool_call_id"] = self.tool_call_id
        return found

    @classmethod
    def of(cls, value: Mapping[str, Any]) -> "Message":
        """Read what `as_json` gave of a message without attachments."""
        calls = tuple(ToolCall.of(call) for call in value.get("tool_calls", ()))
        return cls(value["role"], value["content"], calls, value.get("tool_call_id"))

    def _content(self) -> JSON:
        if isinstance(self.content, str):
            return self.content
        return [
            {"type": "text", "text": part} if isinstance(part, str) else part.as_json()
            for part in self.content
        ]
