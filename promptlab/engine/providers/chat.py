"""The dialect of OpenAI's chat completions, which most servers speak."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest, FinishReason
from promptlab.engine.conversation import ToolCall
from promptlab.engine.provider import SchemaFault
from promptlab.engine.providers.chat_messages import read_calls, wire_message, wire_tool
from promptlab.engine.providers.chat_stream import ChatStream
from promptlab.engine.providers.dialect import (
    Reading,
    StreamDialect,
    finished,
    given,
    printable,
    with_extra,
)
from promptlab.engine.providers.model_rules import hold_to, is_reasoning
from promptlab.engine.providers.openai_shared import read_logprobs, read_usage
from promptlab.engine.providers.structured import bare, named
from promptlab.schemas.pipeline import Params

_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


@frozen
class ChatDialect:
    """`openai_rules`: the server is OpenAI's (or Azure's), which is strict about its reasoning models."""

    openai_rules: bool = False
    renames: Mapping[str, str] = field(default_factory=dict)
    path: str = "/chat/completions"
    stream: StreamDialect = field(default_factory=ChatStream)

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        wire = given(params)
        if self.openai_rules:
            hold_to("openai", model, wire)
            if is_reasoning(model) and "max_tokens" in wire:
                wire["max_completion_tokens"] = wire.pop("max_tokens")
        renamed = {self.renames.get(name, name): value for name, value in wire.items()}
        return with_extra(renamed, params)

    def schema_fault(self, schema: Mapping[str, JSON]) -> SchemaFault | None:  # noqa: ARG002
        """Take all: what strict decoding does not take is sent as not strict."""
        return None

    def body(self, request: CompletionRequest) -> dict[str, JSON]:
        body: dict[str, JSON] = {
            "model": request.model,
            "messages": [wire_message(message) for message in request.messages],
        }
        if request.tools:
            body["tools"] = [wire_tool(tool) for tool in request.tools]
        if request.json_schema is not None:
            body["response_format"] = {"type": "json_schema", "json_schema": named(request.json_schema)}
        return {**body, **request.params}

    def read(self, request: CompletionRequest, found: Any) -> Reading:
        choice = _choice(found)
        calls = read_calls(choice["message"])
        text, finish = _said(choice, calls)
        if finish == "stop":
            text = bare(text, request.json_schema)
        answered_by = found.get("model")
        usage = read_usage(found, "prompt_tokens", "completion_tokens")
        told = _logprobs(choice)
        return Reading(printable(text), finish, usage, answered_by or request.model, calls, told)


def _choice(found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError("no JSON object")  # noqa: TRY004
    choices = found.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise ValueError("no choices")
    if not isinstance(choices[0].get("message"), dict):
        raise ValueError("a choice without message")  # noqa: TRY004
    return choices[0]


def _logprobs(choice: dict[str, Any]) -> tuple[float, ...] | None:
    match choice:
        case {"logprobs": {"content": tokens}}:
            return read_logprobs(tokens)
    return None


def _said(choice: dict[str, Any], calls: tuple[ToolCall, ...]) -> tuple[str, FinishReason]:
    message = choice["message"]
    if message.get("refusal"):
        return str(message["refusal"]), "refusal"
    finish = finished(_FINISH.get(str(choice.get("finish_reason")), "other"), calls)
    content = message.get("content")
    if content is None and finish == "stop":
        raise ValueError("a message without content")
    return _text(content), finish


def _text(content: Any) -> str:
    """Give the text of a message: a string, nothing, or (Mistral) a list of parts."""
    if isinstance(content, list):
        return "".join(part["text"] for part in content if isinstance(part, dict) and "text" in part)
    if content is not None and not isinstance(content, str):
        raise ValueError("a message whose content is no text")
    return content or ""
