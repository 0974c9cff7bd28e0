"""ASGI as the guard needs it: its types, and what a request's head says."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

type Scope = MutableMapping[str, Any]
type Message = MutableMapping[str, Any]
type Receive = Callable[[], Awaitable[Message]]
type Send = Callable[[Message], Awaitable[None]]
type App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE = frozenset(("GET", "HEAD", "OPTIONS"))


def values(scope: Scope, name: bytes) -> list[bytes]:
    """Give what the headers called `name`, in small letters, say."""
    return [value for key, value in scope["headers"] if key.lower() == name]


def is_safe(scope: Scope) -> bool:
    """Say whether a request's method changes nothing."""
    return scope["method"] in SAFE


def has_body(scope: Scope) -> bool:
    """Say whether a request announces a body."""
    lengths = values(scope, b"content-length")
    return bool(values(scope, b"transfer-encoding")) or any(length != b"0" for length in lengths)
