"""The faults, in three literal tables: of the answer's JSON, of the reply, of the sending."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Literal

from .conversation import Rejected, Vendor
from .script import STATUS, Rule
from .wire import Json, JsonObject, Reply

type Ending = Literal["sent", "close", "reset", "hang", "refuse"]
type Write = Callable[[bytes], None]
type PayloadFault = Callable[[list[JsonObject]], list[JsonObject]]
type ReplyFault = Callable[[Reply, Rule, Vendor], Reply]
type DeliveryFault = Callable[[Write, Reply, Rule], Awaitable[Ending]]

_OF_CHOICES = (
    "content_block_",
    "response.content_part",
    "response.function_call",
    "response.output_",
    "response.refusal",
)
_PAUSE_MS = 20.0  # long enough for a client to act on what came before the fault
_DRIP_MS = 1.0


def _no_usage(payloads: list[JsonObject]) -> list[JsonObject]:
    kept = [payload for payload in payloads if payload.get("choices") != []]
    return [_edited(payload, {"usage": _DROP}) for payload in kept]


def _empty_choices(payloads: list[JsonObject]) -> list[JsonObject]:
    kept = [payload for payload in payloads if not str(payload.get("type")).startswith(_OF_CHOICES)]
    return [_edited(payload, {"choices": [], "content": [], "output": []}) for payload in kept]


def _null_content(payloads: list[JsonObject]) -> list[JsonObject]:
    return [_edited(payload, {"content": None, "text": None}) for payload in payloads]


_DROP = object()


def _edited(value: Json, changes: dict[str, object]) -> Json:
    if isinstance(value, list):
        return [_edited(item, changes) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: changes.get(key, _edited(inner, changes))
        for key, inner in value.items()
        if changes.get(key) is not _DROP
    }


def _html(_reply: Reply, _rule: Rule, _vendor: Vendor) -> Reply:
    page = b"<!doctype html><html><body><h1>Welcome to the captive portal</h1></body></html>"
    return Reply(content_type="text/html; charset=utf-8", parts=(page,))


def _wrong_shape(_reply: Reply, _rule: Rule, _vendor: Vendor) -> Reply:
    return Reply(parts=(b'{"hello": "world"}',))


def _empty_body(reply: Reply, _rule: Rule, _vendor: Vendor) -> Reply:
    return replace(reply, parts=(b"",))


def _truncated_json(reply: Reply, rule: Rule, _vendor: Vendor) -> Reply:
    """Break the JSON, of a stream that of its middle event; the HTTP stays right."""
    index = len(reply.parts) // 2 if reply.streamed else 0
    broken = _head_of(reply.parts[index].rstrip(), rule)
    if reply.streamed:
        broken += b"\n\n"
    return replace(reply, parts=(*reply.parts[:index], broken, *reply.parts[index + 1 :]))


def _silent_end(reply: Reply, rule: Rule, _vendor: Vendor) -> Reply:
    """End a stream without its terminal event; a plain answer half-way, without a length."""
    if reply.streamed:
        return replace(reply, parts=reply.parts[: -1 if rule.at is None else rule.at])
    return replace(reply, parts=(_head_of(reply.body(), rule),), framing="close")


def _error_event(reply: Reply, rule: Rule, vendor: Vendor) -> Reply:
    """End a stream with an error event; a plain answer becomes the error's body with status 200."""
    error = vendor.error(Rejected(rule.status or 529, "Overloaded", **rule.error))
    if not reply.streamed:
        return replace(reply, parts=(json.dumps(error).encode(),))
    kept = len(reply.parts) // 2 if rule.at is None else rule.at
    return replace(reply, parts=(*reply.parts[:kept], vendor.frame(error)))


def _redirect(_reply: Reply, rule: Rule, _vendor: Vendor) -> Reply:
    target = rule.to or "http://127.0.0.2:9/v1/chat/completions"
    return Reply(status=rule.status or 307, headers={"location": target})


async def _reset_before_headers(_write: Write, _reply: Reply, _rule: Rule) -> Ending:
    return "reset"


async def _reset_after_headers(write: Write, reply: Reply, rule: Rule) -> Ending:
    write(reply.head())
    await _pause(rule)
    return "reset"


async def _reset_in_body(write: Write, reply: Reply, rule: Rule) -> Ending:
    write(reply.head() + _head_of(reply.body(), rule))
    await _pause(rule)
    return "reset"


async def _cut_body(write: Write, reply: Reply, rule: Rule) -> Ending:
    write(reply.head() + _head_of(reply.body(), rule))
    return "close"


async def _drip(write: Write, reply: Reply, rule: Rule) -> Ending:
    interval = (_DRIP_MS if rule.ms is None else rule.ms) / 1000
    write(reply.head())
    for byte in reply.body():
        await asyncio.sleep(interval)
        write(bytes((byte,)))
    return "sent"


async def _hang(_write: Write, _reply: Reply, _rule: Rule) -> Ending:
    return "hang"


async def _hang_after_headers(write: Write, reply: Reply, _rule: Rule) -> Ending:
    write(reply.head())
    return "hang"


async def _hang_in_body(write: Write, reply: Reply, rule: Rule) -> Ending:
    write(reply.head() + _head_of(reply.body(), rule))
    return "hang"


async def _refuse(_write: Write, _reply: Reply, _rule: Rule) -> Ending:
    return "refuse"


def _head_of(body: bytes, rule: Rule) -> bytes:
    return body[: len(body) // 2 if rule.at is None else rule.at]


async def _pause(rule: Rule) -> None:
    await asyncio.sleep((_PAUSE_MS if rule.ms is None else rule.ms) / 1000)


PAYLOAD_FAULTS: dict[str, PayloadFault] = {
    "no-usage": _no_usage,
    "empty-choices": _empty_choices,
    "null-content": _null_content,
}
REPLY_FAULTS: dict[str, ReplyFault] = {
    "html": _html,
    "wrong-shape": _wrong_shape,
    "empty-body": _empty_body,
    "truncated-json": _truncated_json,
    "silent-end": _silent_end,
    "error-event": _error_event,
    "redirect": _redirect,
}
DELIVERY_FAULTS: dict[str, DeliveryFault] = {
    "reset-before-headers": _reset_before_headers,
    "reset-after-headers": _reset_after_headers,
    "reset-in-body": _reset_in_body,
    "cut-body": _cut_body,
    "drip": _drip,
    "hang": _hang,
    "hang-after-headers": _hang_after_headers,
    "hang-in-body": _hang_in_body,
    "refuse": _refuse,
}
HOLD = "hold"  # until the script is set anew
FAULTS = (STATUS, HOLD, *PAYLOAD_FAULTS, *REPLY_FAULTS, *DELIVERY_FAULTS)


def retry_after_headers(wanted: Json) -> dict[str, str]:
    """Return the header for a number or text as it is, `{"ms": n}`, or `{"date": seconds from now}`."""
    match wanted:
        case None:
            return {}
        case {"ms": amount}:
            return {"retry-after-ms": str(amount)}
        case {"date": offset}:
            return {"retry-after": _http_date(time.time() + offset)}
    return {"retry-after": str(wanted)}


def _http_date(moment: float) -> str:
    from email.utils import formatdate  # noqa: PLC0415 - seldom needed, slow to import

    return formatdate(moment, usegmt=True)
