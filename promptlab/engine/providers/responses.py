"""The dialect of OpenAI's responses: typed items instead of messages; nothing is kept at the server."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest, FinishReason
from promptlab.engine.provider import ParamsFault, SchemaFault
from promptlab.engine.providers.dialect import (
    Reading,
    StreamDialect,
    finished,
    given,
    laid_over,
    printable,
    refuse,
    with_extra,
)
from promptlab.engine.providers.model_rules import hold_to
from promptlab.engine.providers.openai_shared import read_usage
from promptlab.engine.providers.responses_items import (
    read_calls,
    read_parts,
    read_tokens,
    wire_items,
    wire_tool,
)
from promptlab.engine.providers.responses_stream import ResponsesStream
from promptlab.engine.providers.structured import bare, named
from promptlab.schemas.pipeline import Params

FEWEST_MAX_TOKENS = 16
_HAS_NO = ("stop", "seed", "presence_penalty", "frequency_penalty")
_RESERVED = ("input", "background")
_WHY_INCOMPLETE: dict[str, FinishReason] = {
    "max_output_tokens": "length",
    "content_filter": "content_filter",
}


@frozen
class ResponsesDialect:
    """`openai_rules`: the server is OpenAI's (or Azure's), which is strict about what its models take."""

    openai_rules: bool = False
    path: str = "/responses"
    stream: StreamDialect = field(default_factory=ResponsesStream)

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        wire = given(params)
        refuse(wire, _HAS_NO, f"{model} with `api: responses`")
        if self.openai_rules:
            hold_to("openai", model, wire)
            _hold_to_fewest_tokens(model, params)
        if "max_tokens" in wire:
            wire["max_output_tokens"] = wire.pop("max_tokens")
        if "reasoning_effort" in wire:
            wire["reasoning"] = {"effort": wire.pop("reasoning_effort")}
        return with_extra(wire, params, *_RESERVED)

    def schema_fault(self, schema: Mapping[str, JSON]) -> SchemaFault | None:  # noqa: ARG002
        """Take all: what strict decoding does not take is sent as not strict."""
        return None

    def body(self, request: CompletionRequest) -> dict[str, JSON]:
        body: dict[str, JSON] = {
            "model": request.model,
            "input": wire_items(request.messages),
            "store": False,
        }
        if request.tools:
            body["tools"] = [wire_tool(tool) for tool in request.tools]
        if request.json_schema is not None:
            body["text"] = {"format": {"type": "json_schema", **named(request.json_schema)}}
        return laid_over(body, request.params)

    def read(self, request: CompletionRequest, found: Any) -> Reading:
        items = _items(found)
        calls = read_calls(items)
        finish = finished(_finish(found), calls)
        text, refusal = read_parts(items)
        if refusal:
            text, finish = refusal, "refusal"
        if finish == "stop":
            if text is None:
                raise ValueError("no message")
            text = bare(text, request.json_schema)
        usage = read_usage(found, "input_tokens", "output_tokens")
        answered_by = found.get("model") or request.model
        return Reading(printable(text or ""), finish, usage, answered_by, calls, read_tokens(items))


def _hold_to_fewest_tokens(model: str, params: Params) -> None:
    if params.max_tokens is not None and params.max_tokens < FEWEST_MAX_TOKENS:
        message = f"{model} with `api: responses` takes no max_tokens below {FEWEST_MAX_TOKENS}; raise it"
        raise ParamsFault(message, "max_tokens")


def _items(found: Any) -> list[dict[str, Any]]:
    items = found.get("output") if isinstance(found, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("no output")
    return items


def _finish(found: dict[str, Any]) -> FinishReason:
    """Say why it ended; raises ValueError where it has not, or failed without saying why."""
    match found:
        case {"status": "completed"}:
            return "stop"
        case {"status": "incomplete", "incomplete_details": {"reason": reason}}:
            return _WHY_INCOMPLETE.get(str(reason), "other")
        case {"status": "incomplete"}:
            return "other"
    raise ValueError(f"its status is {found.get('status')}")
