"""Tools for a model that was trained without them: told in words, its answer held to their form."""

import json
from collections.abc import Iterator

from promptlab.core.frozen import replace
from promptlab.core.json import JSON, as_text, compact, plain
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.conversation import Message, Tool, ToolCall
from promptlab.engine.providers.dialect import Reading

_FORMS = 'Use a tool: {"tool": NAME, "arguments": {…}}\nAnswer: {"answer": TEXT}'
_GO_ON = '\n\nTell me this as {"answer": TEXT}.'  # without it a small model asks for the same for ever


def in_words(request: CompletionRequest) -> CompletionRequest:
    """Give the request with its tools, and with calls and results in its messages, as text."""
    if not request.tools and not any(
        message.tool_calls or message.tool_call_id for message in request.messages
    ):
        return request
    told = tuple(_told(request.messages, with_tools=bool(request.tools)))
    messages = _with_manual(told, request.tools) if request.tools else told
    return replace(request, messages=messages, tools=())


def form(request: CompletionRequest) -> dict[str, JSON]:
    """Give the schema of what may be said to a request with tools: a call of one, or an answer."""
    asked = request.json_schema or {"type": "string"}
    shared = {key: value for key, value in asked.items() if key in ("$defs", "definitions")}
    answer = {key: value for key, value in asked.items() if key not in shared}
    calls = [_object(tool={"const": tool.name}, arguments=dict(tool.parameters)) for tool in request.tools]
    return {"anyOf": [*calls, _object(answer=answer)], **shared}


def as_called(request: CompletionRequest, reading: Reading) -> Reading:
    """Give the call of a tool, or the answer, that the model says; a text that is cut off stays text."""
    try:
        said = json.loads(reading.text)
    except (ValueError, RecursionError):
        return reading
    match said:
        case {"tool": str(name), "arguments": dict(arguments)}:
            number = sum(len(message.tool_calls) for message in request.messages)
            call = ToolCall(f"call_{number}", name, compact(arguments))
            return replace(reading, text="", finish_reason="tool_calls", tool_calls=(call,))
        case {"answer": answer}:
            return replace(reading, text=as_text(answer))
    return reading


def _told(messages: tuple[Message, ...], *, with_tools: bool) -> Iterator[Message]:
    names: dict[str | None, str] = {}
    for message in messages:
        if message.tool_calls:
            names |= {call.id: call.name for call in message.tool_calls}
            yield Message(
                "assistant", "\n".join(filter(None, (message.text, *map(_written, message.tool_calls))))
            )
        elif message.role == "tool":
            name = names.get(message.tool_call_id, "the tool")
            yield Message("user", f"{name} gave: {message.text}{_GO_ON if with_tools else ''}")
        elif message.role == "assistant" and with_tools:
            yield Message("assistant", plain({"answer": message.text}))
        else:
            yield message


def _written(call: ToolCall) -> str:
    return f'{{"tool": {plain(call.name)}, "arguments": {call.arguments or "{}"}}}'


def _with_manual(messages: tuple[Message, ...], tools: tuple[Tool, ...]) -> tuple[Message, ...]:
    manual = "\n".join(("You can use these tools:", *map(_described, tools), _FORMS))
    if messages[0].role != "system":
        return (Message("system", manual), *messages)
    return (Message("system", f"{messages[0].text}\n\n{manual}"), *messages[1:])


def _described(tool: Tool) -> str:
    properties = tool.parameters.get("properties")
    takes = properties.items() if isinstance(properties, dict) else ()
    arguments = ", ".join(f"{plain(name)}: {_kind(schema)}" for name, schema in takes)
    return f"{tool.name}: {tool.description} arguments: {{{arguments}}}"


def _kind(schema: JSON) -> str:
    kind = schema.get("type") if isinstance(schema, dict) else None
    return kind if isinstance(kind, str) else "any"


def _object(**properties: JSON) -> dict[str, JSON]:
    required: list[JSON] = list(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
