"""How OpenAI's chat completions write messages, attachments and tools, and how they tell calls of tools."""

from base64 import b64encode
from typing import Any

from promptlab.core.json import JSON, compact
from promptlab.engine.conversation import Attachment, Message, Tool, ToolCall
from promptlab.engine.providers.dialect import printable


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
    if isinstance(message.content, str):
        return message.content or (None if message.tool_calls else "")
    if message.forms <= {"text"}:  # not every server takes a list
        return "\n\n".join(_text(part) for part in message.content)
    return [_part(part) for part in message.content]


def _part(part: str | Attachment) -> dict[str, JSON]:
    if isinstance(part, str) or part.is_text:  # the only files that chat completions take are PDFs
        return {"type": "text", "text": _text(part)}
    if part.kind == "image":
        return {"type": "image_url", "image_url": {"url": _data_url(part)}}
    file: dict[str, JSON] = {"filename": part.name or "file", "file_data": _data_url(part)}
    return {"type": "file", "file": file}


def _text(part: str | Attachment) -> str:
    if isinstance(part, str):
        return part
    return f"{part.name}:\n\n{part.text}" if part.name else part.text


def _data_url(attachment: Attachment) -> str:
    return f"data:{attachment.media_type};base64,{b64encode(attachment.content).decode()}"


def _wire_call(call: ToolCall) -> dict[str, JSON]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _read_call(call: Any, number: int) -> ToolCall:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(name := function.get("name"), str) or not name:
        raise ValueError("a call of a tool without a name")
    arguments = function.get("arguments")
    text = arguments if isinstance(arguments, str) else compact(arguments or {})
    return ToolCall(str(call.get("id") or f"call_{number}"), printable(name), printable(text))
