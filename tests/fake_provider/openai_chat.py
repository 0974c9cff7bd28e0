"""The shapes of OpenAI's chat completions."""

import json
from itertools import chain

from .conversation import Answer, Prompt, Rejected, ToolCall, last_user, messages_of, require, text_of
from .wire import Json, JsonObject, Usage

CREATED = 1_767_225_600

_KINDS: dict[int, tuple[str, str | None]] = {  # status: (type, code)
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    408: ("timeout", None),
    409: ("conflict", None),
    429: ("requests", "rate_limit_exceeded"),
}


class OpenAIChat:
    """`POST /v1/chat/completions`."""

    terminal = b"data: [DONE]\n\n"

    def read(self, body: JsonObject, headers: dict[str, str]) -> Prompt:  # noqa: ARG002 - as the protocol has it
        messages = messages_of(body)
        require(body, "model", str)
        stream = bool(body.get("stream"))
        return Prompt(
            model=body["model"],
            last_user=last_user(messages),
            characters=sum(len(text_of(message.get("content"))) for message in messages),
            stream=stream,
            include_usage=not stream or bool((body.get("stream_options") or {}).get("include_usage")),
            schema=_schema(body.get("response_format")),
            max_tokens=body.get("max_completion_tokens") or body.get("max_tokens"),
        )

    def whole(self, prompt: Prompt, answer: Answer, number: int) -> JsonObject:
        message: JsonObject = {"role": "assistant", **_said(answer, answer.text), "annotations": []}
        if answer.tool_calls:
            message["tool_calls"] = [_tool_call(call) for call in answer.tool_calls]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
        return _envelope("chat.completion", prompt, number, [choice]) | {"usage": _usage(answer.usage)}

    def events(self, prompt: Prompt, answer: Answer, number: int) -> list[JsonObject]:
        deltas = chain(
            [{"role": "assistant", "content": ""}],
            (_said(answer, piece) for piece in answer.pieces()),
            ({"tool_calls": [{"index": i} | _tool_call(call)]} for i, call in enumerate(answer.tool_calls)),
        )
        events = [_chunk(prompt, number, [_choice(delta, None)]) for delta in deltas]
        events.append(_chunk(prompt, number, [_choice({}, _finish(answer))]))
        if prompt.include_usage:
            events.append(_chunk(prompt, number, []) | {"usage": _usage(answer.usage)})
        return events

    def frame(self, event: JsonObject) -> bytes:
        return b"data: %b\n\n" % json.dumps(event).encode()

    def error(self, rejected: Rejected) -> JsonObject:
        usual = ("server_error", None) if rejected.status >= 500 else ("invalid_request_error", None)
        kind, code = _KINDS.get(rejected.status, usual)
        plain = {"message": str(rejected), "type": kind, "param": None, "code": code}
        return {"error": plain | rejected.details}

    def models(self, names: tuple[str, ...]) -> JsonObject:
        listed = [{"id": name, "object": "model", "created": CREATED, "owned_by": "fake"} for name in names]
        return {"object": "list", "data": listed}


def _schema(wanted: Json) -> Json:
    match wanted:
        case {"type": "json_schema", "json_schema": {"schema": schema}}:
            return schema
        case {"type": "json_schema"}:
            raise Rejected(400, "response_format.json_schema.schema: field required")
        case {"type": "json_object"}:
            return {"type": "object"}
    return None


def _envelope(kind: str, prompt: Prompt, number: int, choices: list[JsonObject]) -> JsonObject:
    return {
        "id": f"chatcmpl-{number}",
        "object": kind,
        "created": CREATED,
        "model": prompt.model,
        "choices": choices,
        "system_fingerprint": "fp_fake",
    }


def _chunk(prompt: Prompt, number: int, choices: list[JsonObject]) -> JsonObject:
    return _envelope("chat.completion.chunk", prompt, number, choices)


def _choice(delta: JsonObject, finish: str | None) -> JsonObject:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _said(answer: Answer, text: str) -> JsonObject:
    if answer.finish == "refusal":
        return {"content": None, "refusal": text}
    return {"content": text or (None if answer.tool_calls else ""), "refusal": None}


def _finish(answer: Answer) -> str:
    return "stop" if answer.finish == "refusal" else answer.finish


def _tool_call(call: ToolCall) -> JsonObject:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _usage(usage: Usage) -> JsonObject:
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
    }
