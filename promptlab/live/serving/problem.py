"""A problem as RFC 9457 writes it: what an HTTP request that cannot be answered is told."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.live.serving.asgi import App, Scope

MEDIA_TYPE = "application/problem+json"
CLOSE = ("Connection", "close")


@frozen
class Problem:
    """`detail` says where, what, and what to do; `errors` are the faults of a request's parts."""

    status: int
    detail: str
    hint: str | None = None
    errors: tuple[dict[str, JSON], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase

    def body(self) -> dict[str, Any]:
        """Give the members of the problem; those that say nothing are left out."""
        said: dict[str, Any] = {"title": self.title, "status": self.status, "detail": self.detail}
        if self.hint is not None:
            said["hint"] = self.hint
        if self.errors:
            said["errors"] = list(self.errors)
        return said


type Refusal = Callable[[Scope, Problem], App]
"""Gives what answers a request with a problem."""
