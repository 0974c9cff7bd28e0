"""How Anthropic's messages write turns, attachments and tools, and how they tell calls of tools."""

import json
from base64 import b64encode
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from promptlab.core.json import JSON, compact
from promptlab.engine.conversation import Attachment, Message, Tool, ToolCall
from promptlab.engine.providers.dialect import printable

MALFORMED = "malformed_arguments"


def wire_system(messages: Iterable[Message]) -> dict[str, JSON]:
    """Give what all system messages say; nothing where there are none."""
    said = [message.text for message in messages if message.role == "system"]
    return {"system": "\n\n".join(said)} if said else {}


def wire_turns(messages: Iterable[Message]) -> list[JSON]:
    """Give all but the system's; results of tools that follow each other are one turn of the user."""
    spoken = (message for message in messages if message.role != "system")
    return [turn for is_results, turns in groupby(spoken, _is_result) for turn in _turns(turns, is_results)]


def wire_tools(tools: Iterable[Tool], messages: Iterable[Message]) -> dict[str, JSON]:
    """Give the tools that are offered; where none is, those that the conversation called, to be left alone.

    Without any, some servers refuse a conversation that has calls, and some models answer nothing.
    """
    if offered := [_wire_tool(tool) for tool in tools]:
        return {"tools": offered}
    called = {call.name: None for message in messages for call in message.tool_calls}
    stubs: list[JSON] = [{"name": name, "input_schema": {"type": "object"}} for name in called]
    return {"tools": stubs, "tool_choice": {"type": "none"}} if stubs else {}


def read_calls(blocks: list[Any]) -> tuple[ToolCall, ...]:
    """Read the calls of tools in an answer; raises ValueError for one without id, name or input."""
    calls = (block for block in blocks if isinstance(block, dict) and block.get("type") == "tool_use")
    return tuple(_read_call(call) for call in calls)


def _wire_tool(tool: Tool) -> JSON:
    return {"name": tool.name, "description": tool.description, "input_schema": dict(tool.parameters)}


def _is_result(message: Message) -> bool:
    return message.role == "tool"


def _turns(messages: Iterable[Message], is_results: bool) -> Iterator[JSON]:  # noqa: FBT001 - a group's key
    if is_results:
        results: list[JSON] = [_result(message) for message in messages]
        yield {"role": "user", "content": results}
        return
    for message in messages:
        yield {"role": message.role, "content": _content(message)}


def _result(message: Message) -> dict[str, JSON]:
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, "content": _content(message)}


def _content(message: Message) -> JSON:
    if isinstance(message.content, str) and not message.tool_calls:
        return message.content
    said: list[JSON] = [_block(part) for part in message.parts if part]  # an empty block is refused
    return [*said, *(_wire_call(call) for call in message.tool_calls)]


def _block(part: str | Attachment) -> dict[str, JSON]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if part.kind == "image":
        return {"type": "image", "source": _encoded(part)}
    plain: JSON = {"type": "text", "media_type": "text/plain", "data": part.text} if part.is_text else None
    title: dict[str, JSON] = {"title": part.name} if part.name else {}
    return {"type": "document", "source": plain or _encoded(part), **title}


def _encoded(attachment: Attachment) -> dict[str, JSON]:
    data = b64encode(attachment.content).decode()
    return {"type": "base64", "media_type": attachment.media_type, "data": data}


def _wire_call(call: ToolCall) -> dict[str, JSON]:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": _input(call.arguments)}


def _input(arguments: str) -> dict[str, JSON]:
    """Give arguments as the object that is wanted; what is none is kept, for the model to see its mistake."""
    try:
        found = json.loads(arguments)
    except (ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {MALFORMED: arguments}


def _read_call(block: dict[str, Any]) -> ToolCall:
    call_id, name, given = block.get("id"), block.get("name"), block.get("input")
    if not isinstance(call_id, str) or not isinstance(name, str) or not isinstance(given, dict):
        raise ValueError("a call of a tool without id, name or input")  # noqa: TRY004
    return ToolCall(call_id, printable(name), printable(compact(given)))
