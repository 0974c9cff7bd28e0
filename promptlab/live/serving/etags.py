"""Tags of what does not change: what is told of a run that has ended, and that nobody resumed."""

import re
from hashlib import sha256

from starlette.requests import Request

from promptlab.core.version import own_version
from promptlab.schemas.log import RunRecord

_TAG = re.compile(r'(?:W/)?"[^"]*"')


def tag_of(
    request: Request, run: RunRecord, *others: RunRecord | None, also: str | None = None
) -> str | None:
    """Give the tag of the answer to a request about runs; None where it may change by itself.

    `also`: what else the answer hangs on.
    """
    runs = [run, *(other for other in others if other is not None)]
    if any(one.status == "running" for one in runs):
        return None
    states = [f"{one.id} {one.status} {one.ended_at} {one.resumed_at} {one.done}" for one in runs]
    what = (
        own_version(),
        request.url.path,
        request.url.query,
        request.headers.get("hx-request", ""),
        *states,
        *([] if also is None else [also]),
    )
    return f'W/"{sha256(repr(what).encode()).hexdigest()[:32]}"'


def is_known(request: Request, tag: str | None) -> bool:
    """Whether the client has the answer with this tag already."""
    known = request.headers.get("if-none-match", "")
    return tag is not None and (known.strip() == "*" or tag in _TAG.findall(known))
