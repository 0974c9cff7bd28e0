"""JSON values, and the check that a value is one: nothing else crosses to or from project code."""

import json
import math

type Place = tuple[Place, object] | str

MAX_DEPTH = 200
_HINTS = {
    "set": "return a list",
    "frozenset": "return a list",
    "bytes": "decode it to a string",
    "bytearray": "decode it to a string",
    "generator": "return a list",
    "coroutine": "await it",
    "Decimal": "return a float or a string",
    "datetime": "return its isoformat()",
    "date": "return its isoformat()",
}


class NotJSONError(ValueError):
    """A value that JSON cannot hold; the message names its place, its type and what to do."""


def encode(value: object, place: str, *, any_text: bool = False) -> bytes:
    """Return VALUE as JSON in ASCII bytes; PLACE is what messages call it.

    With ANY_TEXT, texts may have lone surrogates, as what a model says may.
    """
    check(value, place, any_text=any_text)
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode("ascii")
    except ValueError as error:  # an integer of more digits than Python prints
        raise NotJSONError(f"{place} cannot be written as JSON: {error}") from error


def check(value: object, place: Place, depth: int = 0, *, any_text: bool = False) -> None:
    """Raise NotJSONError unless VALUE is null, a boolean, number, string, list, tuple or dict of such."""
    if value is None or isinstance(value, int):
        return
    if isinstance(value, str):
        if not any_text:
            _check_text(value, place)
    elif isinstance(value, float):
        _check_number(value, place)
    elif isinstance(value, dict | list | tuple):
        _check_container(value, place, depth, any_text=any_text)
    else:
        raise NotJSONError(f"{_name(place)} is {_article(value)}; {_hint(value)}")


def _check_text(value: str, place: Place) -> None:
    try:
        value.isascii() or value.encode()
    except UnicodeEncodeError as error:
        raise NotJSONError(
            f"{_name(place)} has a lone surrogate at index {error.start}; return valid Unicode"
        ) from None


def _check_number(value: float, place: Place) -> None:
    if not math.isfinite(value):
        raise NotJSONError(f"{_name(place)} is {value!r}, which JSON does not have; return None or a number")


def _check_container(
    value: dict[object, object] | list[object] | tuple[object, ...],
    place: Place,
    depth: int,
    *,
    any_text: bool,
) -> None:
    if depth >= MAX_DEPTH:
        raise NotJSONError(
            f"{_root(place)} is nested more than {MAX_DEPTH} levels deep; return a flatter value"
        )
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if isinstance(value, dict):
            _check_key(key, place, any_text=any_text)
        check(item, (place, key), depth + 1, any_text=any_text)


def _check_key(key: object, place: Place, *, any_text: bool) -> None:
    if not isinstance(key, str):
        raise NotJSONError(f"{_name(place)} has the key {key!r:.100}, {_article(key)}; keys must be strings")
    if not any_text:
        _check_text(key, (place, key))


def _hint(value: object) -> str:
    if hasattr(value, "model_dump"):
        return 'return its model_dump(mode="json")'
    if hasattr(value, "__dataclass_fields__"):
        return "return dataclasses.asdict(…) of it"
    if hasattr(value, "tolist"):
        return "return its tolist()"
    return _HINTS.get(type(value).__name__, "return a value that JSON has")


def _article(value: object) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _name(place: Place) -> str:
    return place if isinstance(place, str) else f"{_name(place[0])}[{place[1]!r:.100}]"


def _root(place: Place) -> str:
    while not isinstance(place, str):
        place = place[0]
    return place
