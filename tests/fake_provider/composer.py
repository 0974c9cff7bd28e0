"""From a request to the plan of its answer; nothing here touches a socket."""

import json
import random
from dataclasses import dataclass, replace
from typing import Literal, get_args

from .anthropic_messages import AnthropicMessages
from .conversation import Prompt, Rejected, Vendor, answer_to
from .faults import DELIVERY_FAULTS, PAYLOAD_FAULTS, REPLY_FAULTS, retry_after_headers
from .journal import KeyState
from .openai_chat import OpenAIChat
from .openai_responses import OpenAIResponses
from .options import Options
from .script import STATUS, Choice, Rule, Script
from .wire import JsonObject, Reply, Request

type Route = Literal["/chat/completions", "/responses", "/messages", "/models"]

_OPENAI, _RESPONSES, _ANTHROPIC = OpenAIChat(), OpenAIResponses(), AnthropicMessages()
_EVENT_STREAM = "text/event-stream; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send, after how many seconds, and the rule of the fault if there is one."""

    reply: Reply
    key: KeyState
    rule: Rule | None = None
    delay: float = 0.0

    @property
    def fault(self) -> str | None:
        return self.rule.fault if self.rule else None

    @property
    def delivery(self) -> str | None:
        return self.fault if self.fault in DELIVERY_FAULTS else None


def compose(request: Request, *, number: int, in_flight: int, options: Options, script: Script) -> Plan:
    """Choose by the script and write the answer; `in_flight` does not count this request."""
    vendor = _vendor(request)
    key = _key_state(request, options.api_key)
    read = _read(request, vendor)
    choice = script.choose(request, read.last_user if isinstance(read, Prompt) else "")
    try:
        _check(choice.fault, key, in_flight, options)
        reply = _answer(read, choice, vendor, options, number)
    except Rejected as rejected:
        reply = _rejection(rejected, vendor, choice.fault)
    reply = _with_headers(_shaped(reply, choice.fault, vendor), request, choice.fault, number)
    return Plan(reply, key, choice.fault, _delay(choice, options))


def _vendor(request: Request) -> Vendor:
    if _is_anthropic(request):
        return _ANTHROPIC
    return _RESPONSES if _route(request) == "/responses" else _OPENAI


def _is_anthropic(request: Request) -> bool:
    return _route(request) == "/messages" or "anthropic-version" in request.headers


def _route(request: Request) -> str:
    return request.path.partition("?")[0].removeprefix("/v1")


def _read(request: Request, vendor: Vendor) -> Prompt | Rejected | None:
    """Read a completion request; None for the list of models. What is wrong waits for the script's word."""
    try:
        return _prompt(request, vendor)
    except Rejected as rejected:
        return rejected


def _prompt(request: Request, vendor: Vendor) -> Prompt | None:
    route = _route(request)
    if route not in get_args(Route.__value__):
        raise Rejected(404, f"Unknown request URL: {request.method} {request.path}")
    if request.method != ("GET" if route == "/models" else "POST"):
        raise Rejected(405, f"Not allowed to {request.method} on {request.path}")
    if route == "/models":
        return None
    if not isinstance(request.json, dict):
        raise Rejected(400, "We could not parse the JSON body of your request.")
    return vendor.read(request.json, request.headers)


def _check(fault: Rule | None, key: KeyState, in_flight: int, options: Options) -> None:
    if fault and fault.fault == STATUS and fault.status is not None:
        raise Rejected(fault.status, None, **fault.error)
    if options.api_key and key != "right":
        raise Rejected(401, "Incorrect API key provided." if key == "wrong" else "No API key provided.")
    if options.max_concurrent is not None and in_flight >= options.max_concurrent:
        raise Rejected(429, "Too many requests at once.")


def _answer(
    read: Prompt | Rejected | None, choice: Choice, vendor: Vendor, options: Options, number: int
) -> Reply:
    if isinstance(read, Rejected):
        raise read
    return _models(vendor, options) if read is None else _completion(read, choice, vendor, options, number)


def _completion(prompt: Prompt, choice: Choice, vendor: Vendor, options: Options, number: int) -> Reply:
    if options.models and prompt.model not in options.models:
        raise Rejected(404, f"The model `{prompt.model}` does not exist.")
    answer = answer_to(prompt, options.answer if choice.answer is None else choice.answer)
    if not prompt.stream:
        payload = _mutated([vendor.whole(prompt, answer, number)], choice.fault)[0]
        return Reply(parts=(json.dumps(payload).encode(),), usage=answer.usage)
    frames = map(vendor.frame, _mutated(vendor.events(prompt, answer, number), choice.fault))
    parts = tuple(part for part in (*frames, vendor.terminal) if part)
    return Reply(content_type=_EVENT_STREAM, parts=parts, framing="chunked", usage=answer.usage)


def _mutated(payloads: list[JsonObject], rule: Rule | None) -> list[JsonObject]:
    if rule and rule.fault in PAYLOAD_FAULTS:
        return PAYLOAD_FAULTS[rule.fault](payloads)
    return payloads


def _models(vendor: Vendor, options: Options) -> Reply:
    return Reply(parts=(json.dumps(vendor.models(options.models or ("fake-model",))).encode(),))


def _rejection(rejected: Rejected, vendor: Vendor, rule: Rule | None) -> Reply:
    body = json.dumps(vendor.error(rejected)).encode()
    scripted = rule is not None and rule.fault == STATUS
    wait = retry_after_headers(1) if rejected.status == 429 and not scripted else {}
    return Reply(status=rejected.status, parts=(body,), headers=wait)


def _shaped(reply: Reply, rule: Rule | None, vendor: Vendor) -> Reply:
    if rule and rule.fault in REPLY_FAULTS:
        shaped = REPLY_FAULTS[rule.fault](reply, rule, vendor)
        return replace(shaped, usage=reply.usage)
    return reply


def _with_headers(reply: Reply, request: Request, rule: Rule | None, number: int) -> Reply:
    name = "request-id" if _is_anthropic(request) else "x-request-id"
    headers = {name: f"req_{number}"} | reply.headers
    if rule:
        headers |= retry_after_headers(rule.retry_after) | rule.headers
    if not request.keep_alive:
        headers["connection"] = "close"
    return replace(reply, headers=headers)


def _key_state(request: Request, wanted: str | None) -> KeyState:
    given = request.headers.get("x-api-key") or request.headers.get("authorization", "")
    if not given:
        return "none"
    if wanted is None:
        return "unchecked"
    return "right" if given.removeprefix("Bearer ") == wanted else "wrong"


def _delay(choice: Choice, options: Options) -> float:
    latency = options.latency_ms if choice.latency_ms is None else choice.latency_ms
    jitter = random.uniform(0, options.jitter_ms) if options.jitter_ms else 0.0
    return (latency + jitter) / 1000
