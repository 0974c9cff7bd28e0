"""How OpenAI's responses write messages, attachments and tools as items, and what items an answer has."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.conversation import Attachment, Message, Tool, ToolCall
from promptlab.engine.providers.openai_shared import (
    data_url,
    plain_text,
    read_call,
    read_logprobs,
    text_of,
    wire_file,
)
from promptlab.engine.providers.structured import fits_strict


def wire_items(messages: Iterable[Message]) -> list[JSON]:
    """Give all messages in their order; the system's stay in place, which `instructions` could not say."""
    return [item for message in messages for item in _items(message)]


def wire_tool(tool: Tool) -> dict[str, JSON]:
    said = tool.as_json()
    return {"type": "function", **said, "strict": fits_strict(said["parameters"])}


def read_calls(items: Iterable[dict[str, Any]]) -> tuple[ToolCall, ...]:
    """Read the calls of tools in an answer; raises ValueError for one without a name."""
    calls = (item for item in items if item.get("type") == "function_call")
    return tuple(read_call(call.get("call_id"), call, number) for number, call in enumerate(calls))


def read_parts(items: Iterable[dict[str, Any]]) -> tuple[str | None, str]:
    """Give the text of all messages in an answer, None where there is none, and the refusal."""
    messages = [item for item in items if item.get("type") == "message"]
    parts = [part for message in messages for part in _parts(message)]
    texts = [_said(part, "text") for part in parts if part.get("type") == "output_text"]
    refusals = [_said(part, "refusal") for part in parts if part.get("type") == "refusal"]
    return ("".join(texts) if messages else None), "".join(refusals)


def read_tokens(items: Iterable[dict[str, Any]]) -> tuple[float, ...] | None:
    """Read how probable the tokens of all texts in an answer were; None where that is not told of all."""
    messages = [item for item in items if item.get("type") == "message"]
    parts = [part for message in messages for part in _parts(message)]
    tokens: list[Any] = [part.get("logprobs") for part in parts if part.get("type") == "output_text"]
    if not tokens or not all(isinstance(some, list) for some in tokens):
        return None
    return read_logprobs(list(chain.from_iterable(tokens))) or None


def _items(message: Message) -> Iterator[JSON]:
    text = plain_text(message)
    content: JSON = [_part(part) for part in message.parts] if text is None else text
    if message.role == "tool":
        yield {"type": "function_call_output", "call_id": message.tool_call_id, "output": content}
        return
    if content or not message.tool_calls:
        yield {"role": message.role, "content": content}
    for call in message.tool_calls:
        yield {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}


def _part(part: str | Attachment) -> dict[str, JSON]:
    if isinstance(part, str) or part.is_text:
        return {"type": "input_text", "text": text_of(part)}
    if part.kind == "image":
        return {"type": "input_image", "detail": "auto", "image_url": data_url(part)}
    return {"type": "input_file", **wire_file(part)}


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise ValueError("a message without content")
    return content


def _said(part: dict[str, Any], key: str) -> str:
    if not isinstance(said := part.get(key), str):
        raise ValueError(f"a message whose {key} is none")  # noqa: TRY004
    return said
