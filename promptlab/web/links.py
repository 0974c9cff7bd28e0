"""Addresses of a view's other states: every state of a page is in its address."""

from urllib.parse import urlencode

from starlette.requests import Request


def changed(request: Request, *, path: str | None = None, **changes: str | None) -> str:
    """Give the address of this page with other values; None takes one away, and the page starts anew.

    `path`: of the page whose state it is, where that is not this one.
    """
    kept = [(name, value) for name, value in request.query_params.multi_items() if value]
    kept = [(name, value) for name, value in kept if name not in changes and name != "cursor"]
    added = [(name, value) for name, value in changes.items() if value is not None]
    return address(path or request.url.path, [*kept, *added])


def address(path: str, values: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(values)}" if values else path
