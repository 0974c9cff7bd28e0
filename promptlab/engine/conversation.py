"""What is said to a model and by it: messages, attachments, and calls of tools."""

from collections.abc import Mapping
from dataclasses import field
from hashlib import sha256
from typing import Any, Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON

type AttachmentKind = Literal["image", "file"]
type Form = Literal["text", "image", "document"]
type Role = Literal["system", "user", "assistant", "tool"]

ALL_FORMS: frozenset[Form] = frozenset(("text", "image", "document"))
_NONE: frozenset[Form] = frozenset()
MOST_IMAGE_TOKENS = 50_000
"""What the dearest model of OpenAI's counts for the largest image, rounded up."""


@frozen
class Attachment:
    """An image or another file inside a message: its bytes, what they are, and for a file its name.

    `path`: where in the project it comes from, so that other steps can splice it; it is not sent.
    """

    kind: AttachmentKind
    media_type: str
    content: bytes = field(repr=False)
    name: str | None = None
    path: str | None = field(default=None, compare=False)

    @property
    def is_text(self) -> bool:
        """Whether the bytes are UTF-8, to be read by a model as they are."""
        return self.media_type.startswith("text/")

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def most_tokens(self) -> int:
        """A bound on the tokens that it takes; pages of a PDF are read as text and as images."""
        return (0 if self.kind == "image" else len(self.content)) + (0 if self.is_text else MOST_IMAGE_TOKENS)

    @property
    def form(self) -> Form:
        """What a model must be able to take."""
        return "text" if self.is_text else "image" if self.kind == "image" else "document"

    def as_json(self) -> dict[str, JSON]:
        """Stand for the bytes by their SHA-256, so that equal content is an equal request."""
        named: dict[str, JSON] = {"name": self.name} if self.name is not None else {}
        return {
            "type": self.kind,
            "media_type": self.media_type,
            "sha256": sha256(self.content).hexdigest(),
            **named,
        }


@frozen
class Tool:
    """A function that a model may call; `parameters` is a JSON Schema of an object."""

    name: str
    description: str
    parameters: Mapping[str, JSON]

    def as_json(self) -> dict[str, JSON]:
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}


@frozen
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


@frozen
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
    def is_empty(self) -> bool:
        """Whether the model said nothing with it; vendors refuse such a message."""
        return self.role == "assistant" and not self.text.strip() and not self.tool_calls

    @property
    def most_attached_tokens(self) -> int:
        if isinstance(self.content, str):
            return 0
        return sum(part.most_tokens for part in self.content if isinstance(part, Attachment))

    @property
    def parts(self) -> tuple[str | Attachment, ...]:
        return (self.content,) if isinstance(self.content, str) else self.content

    @property
    def forms(self) -> frozenset[Form]:
        """What is attached."""
        if isinstance(self.content, str):
            return _NONE
        return frozenset(part.form for part in self.parts if isinstance(part, Attachment))

    def as_seen(self) -> dict[str, JSON]:
        """Give it as other steps and reports see it: as JSON, with the paths of what is attached."""
        found = self.as_json()
        if isinstance(content := found["content"], list):
            for said, part in zip(content, self.parts, strict=True):
                if isinstance(said, dict) and isinstance(part, Attachment):
                    said["path"] = part.path
        return found

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
        """Read what `as_json` gave of a message; its content is taken as it is, so without attachments."""
        calls = tuple(ToolCall.of(call) for call in value.get("tool_calls", ()))
        return cls(value["role"], value["content"], calls, value.get("tool_call_id"))

    def _content(self) -> JSON:
        if isinstance(self.content, str):
            return self.content
        return [
            {"type": "text", "text": part} if isinstance(part, str) else part.as_json()
            for part in self.content
        ]
