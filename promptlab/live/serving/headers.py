"""What every response says: no script but ours, no frame, no copy kept; and of a bug nothing."""

import secrets

from promptlab.live.serving.asgi import App, Message, Receive, Scope, Send
from promptlab.live.serving.problem import Problem, Refusal

BUG = Problem(500, "this is a bug in promptlab", hint="the terminal of `promptlab serve` says more")
STATIC = "/static/"
FIXED = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


class Headers:
    """Gives each page a nonce, and each response the headers that keep it inert, unless a route said them."""

    def __init__(self, app: App, *, refusal: Refusal) -> None:
        self.app = app
        self.refusal = refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        scope.setdefault("state", {})["nonce"] = nonce
        always = FIXED | {b"content-security-policy": _policy(nonce), b"cache-control": _caching(scope)}
        has_begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                message = {**message, "headers": _completed(message, always)}
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Exception:
            if not has_begun:
                await self.refusal(scope, BUG)(scope, receive, send_with_headers)
            raise


def _policy(nonce: str) -> bytes:
    return (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ).encode()


def _caching(scope: Scope) -> bytes:
    return b"no-cache" if scope["path"].startswith(STATIC) else b"no-store"


def _completed(message: Message, always: dict[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    said = list(message.get("headers", ()))
    names = {name.lower() for name, _ in said}
    return said + [(name, value) for name, value in always.items() if name not in names]
