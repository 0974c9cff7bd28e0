"""The shapes of Anthropic's messages."""

import json

from .conversation import Answer, Finish, Prompt, Rejected, ToolCall, last_user, messages_of, require, text_of
from .wire import Json, JsonObject, Usage

_SAMPLING = ("temperature", "top_p", "top_k")
_STOP_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "refusal": "refusal",
    "tool_calls": "tool_use",
}
_KINDS = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class AnthropicMessages:
    """`POST /v1/messages`."""

    terminal = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'

    def read(self, body: JsonObject, headers: dict[str, str]) -> Prompt:
        if "anthropic-version" not in headers:
            raise Rejected(400, "anthropic-version: header is required")
        messages = messages_of(body)
        require(body, "model", str)
        require(body, "max_tokens", int)
        for name in _SAMPLING:
            if name in body:
                raise Rejected(400, f"{name}: Extra inputs are not permitted")
        texts = [text_of(body.get("system")), *(text_of(message.get("content")) for message in messages)]
        return Prompt(
            model=body["model"],
            last_user=last_user(messages),
            characters=sum(map(len, texts)),
            stream=bool(body.get("stream")),
            schema=_schema(body.get("output_config")),
            max_tokens=body["max_tokens"],
        )

    def whole(self, prompt: Prompt, answer: Answer, number: int) -> JsonObject:
        blocks = [*_text_blocks(answer), *(_tool_use(call) for call in answer.tool_calls)]
        return _message(prompt, number, blocks, _STOP_REASONS[answer.finish], _usage(answer.usage))

    def events(self, prompt: Prompt, answer: Answer, number: int) -> list[JsonObject]:
        begun = _message(prompt, number, [], None, _usage(answer.usage) | {"output_tokens": 1})
        events: list[JsonObject] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
        for index, (block, deltas) in enumerate(_streamed_blocks(answer)):
            events.append({"type": "content_block_start", "index": index, "content_block": block})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        ended = {"stop_reason": _STOP_REASONS[answer.finish], "stop_sequence": None}
        events.append({"type": "message_delta", "delta": ended, "usage": _usage(answer.usage)})
        return events

    def frame(self, event: JsonObject) -> bytes:
        return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())

    def error(self, rejected: Rejected) -> JsonObject:
        usual = "api_error" if rejected.status >= 500 else "invalid_request_error"
        plain = {"type": _KINDS.get(rejected.status, usual), "message": str(rejected)}
        return {"type": "error", "error": plain | rejected.details, "request_id": "req_fake"}

    def models(self, names: tuple[str, ...]) -> JsonObject:
        made = "2026-01-01T00:00:00Z"
        listed = [{"type": "model", "id": name, "display_name": name, "created_at": made} for name in names]
        return {"data": listed, "has_more": False, "first_id": names[0], "last_id": names[-1]}


def _schema(output_config: Json) -> Json:
    match output_config:
        case {"format": {"type": "json_schema", "schema": schema}}:
            return schema
        case {"format": {"type": _}}:
            raise Rejected(400, "output_config.format: a json_schema with a schema is required")
    return None


def _message(
    prompt: Prompt, number: int, blocks: list[JsonObject], stop_reason: str | None, usage: JsonObject
) -> JsonObject:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": prompt.model,
        "content": blocks,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _text_blocks(answer: Answer) -> list[JsonObject]:
    return [{"type": "text", "text": answer.text}] if answer.text else []


def _tool_use(call: ToolCall) -> JsonObject:
    return {"type": "tool_use", "id": call.id, "name": call.name, "input": json.loads(call.arguments)}


def _streamed_blocks(answer: Answer) -> list[tuple[JsonObject, list[JsonObject]]]:
    blocks: list[tuple[JsonObject, list[JsonObject]]] = []
    if answer.text:
        deltas = [{"type": "text_delta", "text": piece} for piece in answer.pieces()]
        blocks.append(({"type": "text", "text": ""}, deltas))
    for call in answer.tool_calls:
        empty = {"type": "tool_use", "id": call.id, "name": call.name, "input": {}}
        blocks.append((empty, [{"type": "input_json_delta", "partial_json": call.arguments}]))
    return blocks


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.input_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.output_tokens,
    }
