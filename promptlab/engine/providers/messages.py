"""The dialect of Anthropic's messages."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest, FinishReason, Usage
from promptlab.engine.provider import ParamsFault, SchemaFault
from promptlab.engine.providers.dialect import (
    Reading,
    StreamDialect,
    count,
    finished,
    given,
    printable,
    refuse,
    with_extra,
)
from promptlab.engine.providers.messages_blocks import read_calls, wire_system, wire_tools, wire_turns
from promptlab.engine.providers.messages_schema import accepted, schema_fault
from promptlab.engine.providers.messages_stream import MessagesStream
from promptlab.engine.providers.model_rules import hold_to
from promptlab.engine.providers.structured import bare, wrapped
from promptlab.schemas.pipeline import Params

DEFAULT_MAX_TOKENS = 4_096
_HAS_NO = ("temperature", "top_p", "seed", "presence_penalty", "frequency_penalty")
_FINISH: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "refusal",
}


@frozen
class MessagesDialect:
    path: str = "/v1/messages"
    stream: StreamDialect = field(default_factory=MessagesStream)

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        wire = given(params)
        refuse(wire, _HAS_NO, model)
        hold_to("anthropic", model, wire)
        effort = wire.pop("reasoning_effort", None)
        if effort is not None:
            wire["output_config"] = {"effort": effort}
        stop = wire.pop("stop", None)
        if stop is not None:
            wire["stop_sequences"] = _sequences(model, [stop] if isinstance(stop, str) else stop)
        return with_extra({"max_tokens": DEFAULT_MAX_TOKENS, **wire}, params)

    def schema_fault(self, schema: Mapping[str, JSON]) -> SchemaFault | None:
        return schema_fault(schema)

    def body(self, request: CompletionRequest) -> dict[str, JSON]:
        body: dict[str, JSON] = {
            "model": request.model,
            "messages": wire_turns(request.messages),
            **wire_system(request.messages),
            **({} if "tools" in request.params else wire_tools(request.tools, request.messages)),
            **request.params,
        }
        if request.json_schema is not None:
            said = body.get("output_config")
            form: JSON = {"type": "json_schema", "schema": accepted(wrapped(request.json_schema))}
            body["output_config"] = {"format": form, **(said if isinstance(said, dict) else {})}
        return body

    def read(self, request: CompletionRequest, found: Any) -> Reading:
        if not isinstance(found, dict) or not isinstance(found.get("content"), list):
            raise ValueError("no content")  # noqa: TRY004
        if not found.get("stop_reason"):
            raise ValueError("no stop_reason")
        calls = read_calls(found["content"])
        finish = finished(_FINISH.get(found["stop_reason"], "other"), calls)
        text = _text(found["content"])
        if finish == "stop":
            text = bare(text, request.json_schema)
        answered_by = found.get("model")
        return Reading(printable(text), finish, _usage(found), answered_by or request.model, calls)


def _sequences(model: str, stop: JSON) -> JSON:
    if isinstance(stop, list) and any(not str(text).strip() for text in stop):
        raise ParamsFault(f"{model} takes no text of white space alone in `stop`", "stop")
    return stop


def _text(blocks: list[Any]) -> str:
    texts = [block.get("text") for block in blocks if isinstance(block, dict) and block.get("type") == "text"]
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a block without text")
    return "".join(str(text) for text in texts)


def _usage(found: dict[str, Any]) -> Usage:
    usage = found.get("usage")
    if not isinstance(usage, dict):
        raise ValueError("no usage")  # noqa: TRY004
    read = count(usage, "cache_read_input_tokens", required=False)
    written = count(usage, "cache_creation_input_tokens", required=False)
    details = usage.get("output_tokens_details") or {}
    return Usage(
        input_tokens=count(usage, "input_tokens") + read + written,
        output_tokens=count(usage, "output_tokens"),
        cached_tokens=read,
        reasoning_tokens=count(details, "thinking_tokens", required=False),
    )
