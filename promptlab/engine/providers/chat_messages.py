"""How OpenAI's chat completions write messages, attachments and tools, and how they tell calls of tools."""

from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.conversation import Attachment, Message, Tool, ToolCall
from promptlab.engine.providers.openai_shared import (
    data_url,
    plain_text,
    read_call,
    text_of,
    wire_file,
)


def wire_message(message: Message) -> dict[str, JSON]:
    found: dict[str, JSON] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        found["tool_calls"] = [_wire_call(call) for call in message.tool_calls]
    if message.tool_call_id is not None:
        found["tool_call_id"] = message.tool_call_id
    return found


def wire_tool(tool: Tool) -> dict[str, JSON]:
    return {"type": "function", "function": tool.as_json()}


def read_calls(message: dict[str, Any]) -> tuple[ToolCall, ...]:
    """Read the calls of tools in an answer; raises ValueError for one without a name."""
    calls = message.get("tool_calls") or []
    if not isinstance(calls, list):
        raise ValueError("calls of tools that are no list")  # noqa: TRY004
    return tuple(_read_call(call, number) for number, call in enumerate(calls))


def _content(message: Message) -> JSON:
    text = plain_text(message)
    if text is None:
        return [_part(part) for part in message.parts]
    return text or (None if message.tool_calls else "")


def _part(part: str | Attachment) -> dict[str, JSON]:
    if isinstance(part, str) or part.is_text:
        return {"type": "text", "text": text_of(part)}
    if part.kind == "image":
        return {"type": "image_url", "image_url": {"url": data_url(part)}}
    return {"type": "file", "file": wire_file(part)}


def _wire_call(call: ToolCall) -> dict[str, JSON]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _read_call(call: Any, number: int) -> ToolCall:
    said = call if isinstance(call, dict) else {}
    return read_call(said.get("id"), said.get("function"), number)
