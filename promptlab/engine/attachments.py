"""From what a template rendered to messages: the files that it names are put in their places."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Protocol

from promptlab.core.json import JSON
from promptlab.engine.conversation import Attachment, AttachmentKind, Message
from promptlab.engine.scope import RenderFailed

MOST_TEXT = 1_000_000
_PLAIN = ("role", "content")  # all that most messages have

type Part = str | Attachment


class AttachmentSource(Protocol):
    """Gives what templates name by path; each raises RenderFailed, saying why it cannot be used."""

    def attachment(self, kind: AttachmentKind, path: str) -> Attachment: ...

    def text(self, path: str) -> str: ...


class NoAttachments:
    """Has no files."""

    def attachment(self, kind: AttachmentKind, path: str) -> Attachment:
        raise RenderFailed(f"{kind}('{path}'): no files can be read here")

    def text(self, path: str) -> str:
        raise RenderFailed(f"text('{path}'): no files can be read here")


NO_ATTACHMENTS = NoAttachments()


def messages_of(rendered: JSON, source: AttachmentSource) -> tuple[Message, ...]:
    """Make the messages of a rendered prompt; those that are empty without their files stay out."""
    if not isinstance(rendered, list):
        raise TypeError("a prompt renders to a list")
    found = tuple(message for item in rendered if (message := _message(item, source)) is not None)
    if not found:
        raise RenderFailed("the prompt is empty: it would send no text")
    return found


def content_of(rendered: JSON, source: AttachmentSource) -> str | tuple[Part, ...]:
    """Make the content of a message; texts are stripped at both ends and beside what is attached.

    Raises RenderFailed for a file that cannot be used.
    """
    if isinstance(rendered, str):
        return rendered
    if not isinstance(rendered, list):
        raise TypeError("a content is text or a list of parts")
    parts = tuple(_joined(_part(part, source) for part in rendered))
    if sum(len(part) for part in parts if isinstance(part, str)) > MOST_TEXT:
        raise RenderFailed("the message is larger than 1 MB with the files that it reads")
    if all(isinstance(part, str) for part in parts):
        return "".join(part for part in parts if isinstance(part, str))
    return parts


def _message(item: Any, source: AttachmentSource) -> Message | None:
    if len(item) == len(_PLAIN) and type(item["content"]) is str and item["content"]:
        return Message(item["role"], item["content"])
    content = content_of(item["content"], source)
    is_empty = not content and item.keys() <= {"role", "content"}
    return None if is_empty else Message.of({**item, "content": content})


def _part(part: JSON, source: AttachmentSource) -> Part:
    match part:
        case str():
            return part
        case {"type": "text", "path": str(path)}:
            return source.text(path)
        case {"type": "image" | "file" as kind, "path": str(path)}:
            return source.attachment(kind, path)
    raise TypeError("a part of a content is text, or the type and path of a file")


def _joined(parts: Iterator[Part]) -> Iterator[Part]:
    for is_text, found in groupby(parts, lambda part: isinstance(part, str)):
        if not is_text:
            yield from found
        elif text := "".join(map(str, found)).replace("\r\n", "\n").strip():
            yield text
