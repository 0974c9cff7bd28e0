"""The shapes of OpenAI's responses."""

import json
from collections.abc import Iterator

from .conversation import Answer, Finish, Prompt, Rejected, ToolCall, last_user, require, text_of
from .openai_chat import CREATED, OpenAIChat
from .wire import Json, JsonObject, Usage

_UNKNOWN = (
    "messages",
    "max_tokens",
    "stop",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "response_format",
)
_FEWEST_TOKENS = 16
_WHY_INCOMPLETE: dict[Finish, str] = {"length": "max_output_tokens", "content_filter": "content_filter"}


class OpenAIResponses(OpenAIChat):
    """`POST /v1/responses`; its errors and models are those of chat completions."""

    terminal = b""  # the last event is the terminal one

    def read(self, body: JsonObject, headers: dict[str, str]) -> Prompt:  # noqa: ARG002 - as the protocol has it
        require(body, "model", str)
        for name in _UNKNOWN:
            if name in body:
                raise Rejected(400, f"Unknown parameter: '{name}'.")
        items = _items(body.get("input"))
        texts = [text_of(body.get("instructions")), *map(_text_in, items)]
        return Prompt(
            model=body["model"],
            last_user=last_user(items),
            characters=sum(map(len, texts)),
            stream=bool(body.get("stream")),
            schema=_schema(body.get("text")),
            max_tokens=_max_tokens(body.get("max_output_tokens")),
        )

    def whole(self, prompt: Prompt, answer: Answer, number: int) -> JsonObject:
        why = _WHY_INCOMPLETE.get(answer.finish)
        return _response(prompt, number) | {
            "status": "incomplete" if why else "completed",
            "incomplete_details": {"reason": why} if why else None,
            "output": _output(answer, number),
            "usage": _usage(answer.usage),
        }

    def events(self, prompt: Prompt, answer: Answer, number: int) -> list[JsonObject]:
        whole = self.whole(prompt, answer, number)
        events = [
            {"type": "response.created", "response": _response(prompt, number)},
            {"type": "response.in_progress", "response": _response(prompt, number)},
            *(
                event
                for index, item in enumerate(whole["output"])
                for event in _item_events(index, item, answer)
            ),
            {"type": f"response.{whole['status']}", "response": whole},
        ]
        return [event | {"sequence_number": place} for place, event in enumerate(events)]

    def frame(self, event: JsonObject) -> bytes:
        if "error" in event:  # an HTTP error's body has no type
            event = (
                {"type": "error", "sequence_number": 0, "param": None} | event["error"] | {"type": "error"}
            )
        return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), json.dumps(event).encode())


def _items(given: Json) -> list[JsonObject]:
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if not isinstance(given, list) or not given:
        raise Rejected(400, "input: a text, or a list with at least one item, is required")
    called: set[str] = set()
    for item in given:
        _check_item(item, called)
    return given


def _check_item(item: Json, called: set[str]) -> None:
    match item:
        case {"type": "function_call", "call_id": str(call_id), "name": str(), "arguments": str()}:
            called.add(call_id)
        case {"type": "function_call_output", "call_id": call_id, "output": output}:
            if call_id not in called:
                raise Rejected(400, f"No tool call found for function call output with call_id {call_id}.")
            _check_parts(output, "input_")
        case {"role": "assistant", "content": content}:
            _check_parts(content, "output_")
        case {"role": "user" | "system" | "developer", "content": content}:
            _check_parts(content, "input_")
        case _:
            raise Rejected(400, f"input: this is no item: {json.dumps(item)[:200]}")


def _check_parts(content: Json, kind: str) -> None:
    for part in [] if isinstance(content, str) else content:
        if not str(part.get("type")).startswith(kind):
            raise Rejected(400, f"Invalid value: '{part.get('type')}'.")


def _text_in(item: JsonObject) -> str:
    return "".join(text_of(item.get(key)) for key in ("content", "output", "arguments"))


def _schema(text: Json) -> Json:
    match text:
        case {"format": {"type": "json_schema", "name": str(), "schema": schema}}:
            return schema
        case {"format": {"type": "json_schema"}}:
            raise Rejected(400, "Missing required parameter: 'text.format.schema'.")
        case {"format": {"type": "json_object"}}:
            return {"type": "object"}
    return None


def _max_tokens(wanted: Json) -> int | None:
    if wanted is not None and wanted < _FEWEST_TOKENS:
        raise Rejected(400, f"Invalid 'max_output_tokens': Expected a value >= {_FEWEST_TOKENS}.")
    return wanted if wanted is None else int(wanted)


def _response(prompt: Prompt, number: int) -> JsonObject:
    """Return a response that has begun."""
    return {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": CREATED,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "model": prompt.model,
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _output(answer: Answer, number: int) -> list[JsonObject]:
    said = [] if answer.tool_calls and not answer.text else [_message(answer, number)]
    calls = [_function_call(call, number, index) for index, call in enumerate(answer.tool_calls)]
    return [{"id": f"rs_{number}", "type": "reasoning", "summary": []}, *said, *calls]


def _message(answer: Answer, number: int) -> JsonObject:
    part: JsonObject = {"type": "output_text", "text": answer.text, "annotations": [], "logprobs": []}
    if answer.finish == "refusal":
        part = {"type": "refusal", "refusal": answer.text}
    status = "incomplete" if answer.finish in _WHY_INCOMPLETE else "completed"
    return {
        "id": f"msg_{number}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [part],
    }


def _function_call(call: ToolCall, number: int, index: int) -> JsonObject:
    return {
        "id": f"fc_{number}_{index}",
        "type": "function_call",
        "status": "completed",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
    }


def _item_events(index: int, item: JsonObject, answer: Answer) -> Iterator[JsonObject]:
    begun: JsonObject = {"status": "in_progress"}
    if item["type"] == "message":
        begun["content"] = []
    if item["type"] == "function_call":
        begun["arguments"] = ""
    yield {"type": "response.output_item.added", "output_index": index, "item": item | begun}
    place = {"output_index": index, "item_id": item["id"]}
    if item["type"] == "message":
        yield from _part_events(item["content"][0], place | {"content_index": 0}, answer)
    if item["type"] == "function_call":
        arguments = item["arguments"]
        yield {"type": "response.function_call_arguments.delta", "delta": arguments} | place
        yield {"type": "response.function_call_arguments.done", "arguments": arguments} | place
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _part_events(part: JsonObject, place: JsonObject, answer: Answer) -> Iterator[JsonObject]:
    kind, key = part["type"], "refusal" if part["type"] == "refusal" else "text"
    more: JsonObject = {} if key == "refusal" else {"logprobs": []}
    yield {"type": "response.content_part.added", "part": part | {key: ""}} | place
    for piece in answer.pieces():
        yield {"type": f"response.{kind}.delta", "delta": piece} | more | place
    yield {"type": f"response.{kind}.done", key: answer.text} | more | place
    yield {"type": "response.content_part.done", "part": part} | place


def _usage(usage: Usage) -> JsonObject:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.input_tokens + usage.output_tokens,
    }
