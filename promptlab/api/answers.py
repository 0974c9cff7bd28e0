"""Answers as JSON that any reader takes, and the short one for who has it already."""

import json
from collections.abc import Callable
from datetime import datetime
from hashlib import sha256
from math import isfinite
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from promptlab.live.serving.etags import is_known
from promptlab.schemas.api.base import Answer


def tagged(request: Request, tag: str | None, make: Callable[[], Answer]) -> Response:
    """Give what is made, with its tag; 304 and nothing where the client has that."""
    headers = {"ETag": tag} if tag is not None else {}
    if is_known(request, tag):
        return Response(status_code=304, headers=headers)
    return answered(make(), headers)


def tagged_by_content(request: Request, answer: Answer) -> Response:
    """Give an answer with the tag of what it says; 304 and nothing where the client has that."""
    whole = answered(answer)
    tag = f'"{sha256(whole.body).hexdigest()[:32]}"'
    if is_known(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    whole.headers["ETag"] = tag
    return whole


def answered(answer: Answer, headers: dict[str, str] | None = None) -> Response:
    r"""Give an answer as JSON: a lone surrogate as ``\ud800``, a number that JSON lacks as null."""
    value = _members(answer)
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(value), allow_nan=False)
    return Response(text, headers=headers, media_type="application/json")


def _members(value: Any) -> Any:
    """Give an answer's fields; the values of others in it stay as they are, however deep."""
    match value:
        case Answer():
            return {name: _members(getattr(value, name)) for name in type(value).model_fields}
        case list() if value and isinstance(value[0], Answer):
            return [_members(inner) for inner in value]
        case datetime():
            return value.isoformat()
        case _:
            return value


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if isfinite(value) else None
        case dict():
            return {name: _finite(inner) for name, inner in value.items()}
        case list() | tuple():
            return [_finite(inner) for inner in value]
        case _:
            return value
