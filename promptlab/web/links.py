"""Addresses of a view's other states: every state of a page is in its address."""

from pathlib import PurePosixPath
from urllib.parse import quote, urlencode

from starlette.requests import Request


def changed(request: Request, **changes: str | None) -> str:
    """Give the address of this page with other values; None takes one away, and the page starts anew."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if value]
    kept = [(name, value) for name, value in kept if name not in changes and name != "cursor"]
    added = [(name, value) for name, value in changes.items() if value is not None]
    return f"{request.url.path}?{urlencode([*kept, *added])}" if kept or added else request.url.path


def playground(path: str | None, **said: str | int) -> str | None:
    """Give where prompts of a pipeline are tried; None where its file is not in the folder of pipelines."""
    file = PurePosixPath(path or "")
    if str(file.parent) != "pipelines":
        return None
    return f"/pipelines/{quote(file.stem, safe='')}/playground?{urlencode(said)}"
