"""What OpenAI's two dialects share: texts and files, calls of tools, usage, the rules of its models."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from promptlab.core.json import JSON, compact
from promptlab.engine.completion import Usage
from promptlab.engine.conversation import Attachment, Message, ToolCall
from promptlab.engine.providers.dialect import count, printable

_FURTHEST = 1e6  # from 0; what cannot be at all is told as -9999


def plain_text(message: Message) -> str | None:
    """Give what a message says if that is text alone (not every server takes a list), or None."""
    if isinstance(message.content, str):
        return message.content
    return "\n\n".join(map(text_of, message.content)) if message.forms <= {"text"} else None


def text_of(part: str | Attachment) -> str:
    """Give a text, or a file of text, as it is sent: the only files that all servers take are PDFs."""
    if isinstance(part, str):
        return part
    return f"{part.name}:\n\n{part.text}" if part.name else part.text


def wire_file(attachment: Attachment) -> dict[str, JSON]:
    return {"filename": attachment.name or "file", "file_data": data_url(attachment)}


def data_url(attachment: Attachment) -> str:
    return f"data:{attachment.media_type};base64,{b64encode(attachment.content).decode()}"


def read_call(call_id: Any, function: Any, number: int) -> ToolCall:
    """Read a call of a tool; raises ValueError for one without a name."""
    if not isinstance(function, dict) or not isinstance(name := function.get("name"), str) or not name:
        raise ValueError("a call of a tool without a name")
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else compact(arguments or {})
    return ToolCall(str(call_id or f"call_{number}"), printable(name), printable(text))


def read_logprobs(tokens: Any) -> tuple[float, ...] | None:
    """Read how probable each of a list of tokens was; None where that is not told of all."""
    if not isinstance(tokens, list):
        return None
    found: list[Any] = [token.get("logprob") if isinstance(token, dict) else None for token in tokens]
    return tuple(map(float, found)) if all(map(_is_logprob, found)) else None


def _is_logprob(value: Any) -> bool:
    return isinstance(value, int | float) and -_FURTHEST < value < _FURTHEST


def read_usage(found: Mapping[str, Any], asked: str, answered: str) -> Usage:
    """Read the tokens under the two names; raises ValueError where they are missing."""
    usage = found.get("usage")
    if not isinstance(usage, dict):
        raise ValueError("no usage")  # noqa: TRY004
    return Usage(
        input_tokens=count(usage, asked),
        output_tokens=count(usage, answered),
        cached_tokens=count(usage.get(f"{asked}_details") or {}, "cached_tokens", required=False),
        reasoning_tokens=count(usage.get(f"{answered}_details") or {}, "reasoning_tokens", required=False),
    )
