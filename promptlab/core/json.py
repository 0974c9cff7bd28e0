"""JSON values and their canonical text."""

import json
import re
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from json import encoder
from math import inf
from typing import Never

type JSON = bool | int | float | str | list[JSON] | dict[str, JSON] | None


def _encoder(*, sort_keys: bool = False) -> Callable[[object], str]:
    """Give what a `JSONEncoder` without spaces does; that one makes its machinery anew for each value."""
    make = getattr(encoder, "c_make_encoder", None)
    if make is None:
        return partial(
            json.dumps, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
    pieces = make(None, _refuse, encoder.encode_basestring, None, ":", ",", sort_keys, False, False)
    return lambda value: "".join(pieces(value, 0))


def _refuse(value: object) -> Never:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_canonical = _encoder(sort_keys=True)
_compact = _encoder()
_UNSAFE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # valid JSON, but not for every reader
_plain = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def finite(digits: str) -> float:
    """Read a number for a JSON decoder, as its `parse_float`. Raises ValueError for one that is too large."""
    number = float(digits)
    if number in (inf, -inf):
        raise ValueError(f"the number {digits[:40]} is too large")
    return number


def canonical(value: object) -> str:
    """Give the one text of a JSON value: sorted keys, no spaces. Raises ValueError for NaN and infinities."""
    return _canonical(value)


def compact(value: object) -> str:
    return _compact(value)


def plain(value: object) -> str:
    """Give readable JSON on one line; lone surrogates, C1 controls and odd line ends are escaped."""
    text = _plain.encode(value)
    return text if text.isprintable() else _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def as_text(value: JSON) -> str:
    """Give what a value looks like inside text: a string is itself, anything else is JSON."""
    return value if isinstance(value, str) else _plain.encode(value)


def pretty(value: object) -> str:
    """Give JSON for files that people review: sorted keys, two spaces, what is invisible escaped."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return _UNSAFE.sub(lambda found: f"\\u{ord(found.group()):04x}", text) + "\n"


def digest(value: object) -> str:
    """Give the SHA-256 of the canonical text, in hex."""
    return sha256(canonical(value).encode("utf-8", "surrogatepass")).hexdigest()
