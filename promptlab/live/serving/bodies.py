"""Bodies: read as a whole before a route sees them, small, in time, and strict JSON."""

import asyncio

from promptlab.live.serving.asgi import App, Message, Receive, Scope, Send, is_safe, values
from promptlab.live.serving.problem import CLOSE, Problem, Refusal
from promptlab.loader.json_reader import loads
from promptlab.loader.json_scanner import JsonFaultError
from promptlab.loader.source_text import SourceText

MOST_BYTES = 1024 * 1024
MOST_SECONDS = 20.0
IN_THREAD_FROM = 16 * 1024
NO_JSON = frozenset(("json", "too-deep", "too-many-values"))
TOO_LARGE = Problem(413, f"a body has at most {MOST_BYTES:,} bytes", headers=(CLOSE,))
TOO_SLOW = Problem(408, f"the body did not come within {MOST_SECONDS:.0f} s", headers=(CLOSE,))


class Bodies:
    """Hands on a request with its whole body, or refuses it."""

    def __init__(self, app: App, *, refusal: Refusal, seconds: float = MOST_SECONDS) -> None:
        self.app = app
        self.refusal = refusal
        self.seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or is_safe(scope):
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(scope, receive)
        except _Left:
            return
        problem = body if isinstance(body, Problem) else await _fault(body)
        if problem is not None:
            await self.refusal(scope, problem)(scope, receive, send)
        elif isinstance(body, bytes):
            await self.app(scope, _again(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | Problem:
        if any(_is_too_large(length) for length in values(scope, b"content-length")):
            return TOO_LARGE
        try:
            async with asyncio.timeout(self.seconds):
                return await _whole(receive)
        except TimeoutError:
            return TOO_SLOW


class _Left(Exception):
    """Whoever asked has gone."""


def _is_too_large(length: bytes) -> bool:
    return not length.isdigit() or len(length) > len(str(MOST_BYTES)) or int(length) > MOST_BYTES


async def _whole(receive: Receive) -> bytes | Problem:
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Left
        body += message.get("body", b"")
        if len(body) > MOST_BYTES:
            return TOO_LARGE
        more = message.get("more_body", False)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Give what says the body that was read, and then what there is to hear."""
    heard = False

    async def said() -> Message:
        nonlocal heard
        if heard:
            return await receive()
        heard = True
        return {"type": "http.request", "body": body, "more_body": False}

    return said


async def _fault(body: bytes) -> Problem | None:
    if not body:
        return None
    if len(body) < IN_THREAD_FROM:
        return _fault_of_json(body)
    return await asyncio.to_thread(_fault_of_json, body)


def _fault_of_json(body: bytes) -> Problem | None:
    """Give what is wrong with a JSON text: 400 where it is none, 422 where it says what cannot be meant."""
    try:
        loads(SourceText("body", body.decode()))
    except UnicodeDecodeError:
        return Problem(400, "the body is not UTF-8")
    except JsonFaultError as fault:
        place = fault.place.position
        detail = f"the body, line {place.line}, column {place.column}: {fault}"
        return Problem(400 if fault.code in NO_JSON else 422, detail, hint=fault.hint)
    return None
