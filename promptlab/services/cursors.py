"""Where a page ends, as an opaque text that a request for the next one gives back."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from math import isfinite
from typing import Any

from promptlab.core.errors import UsageError

LONGEST = 400
_GREATEST = 2**53


def cursor_of(*key: str | float) -> str:
    """Give the text of a key, by which pages are ordered."""
    return urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def key_of[*Ts](cursor: str, *kinds: *Ts) -> tuple[Any, ...]:
    """Read what `cursor_of` gave; raises UsageError for anything else. `kinds`: what its parts must be."""
    try:
        padded = cursor[:LONGEST] + "=" * (-len(cursor) % 4)
        key = json.loads(urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, RecursionError):
        raise _bad(cursor) from None
    if not isinstance(key, list) or [*map(type, key)] != [*kinds] or not all(map(_is_sane, key)):
        raise _bad(cursor)
    return tuple(key)


def _is_sane(part: str | int | float) -> bool:  # noqa: PYI041 - they differ here
    if isinstance(part, str):
        return part.isascii() and part.isprintable()
    return abs(part) < _GREATEST if isinstance(part, int) else isfinite(part)


def _bad(cursor: str) -> UsageError:
    return UsageError(f"cursor: '{cursor[:40]}' is none that a page gave", hint="begin without one")
