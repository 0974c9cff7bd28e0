"""JSON values and text: how a value is inserted into text, and what a template may give back."""

import json
from collections.abc import ItemsView, Iterator, KeysView, Mapping, ValuesView
from itertools import islice
from math import isfinite
from typing import Never

from jinja2.exceptions import TemplateRuntimeError
from jinja2.runtime import LoopContext, Undefined

from promptlab.engine.templating.vocabulary import JSON, MAX_SIZE, measures_more

LISTABLE = (Iterator, range, KeysView, ValuesView, ItemsView)


class BadValueError(TemplateRuntimeError):
    """A value has a type that cannot stand where the template puts it."""


class TooLargeError(TemplateRuntimeError):
    """A result is larger than the limits allow."""


class Attached:
    """What `image(…)` and its kin give; `mark` is inserted for it, and nothing else can be done with it."""

    __slots__ = ("mark", "name")

    def __init__(self, name: str, mark: str) -> None:
        self.name = name
        self.mark = mark

    def _refused(self, *_: object) -> Never:
        raise BadValueError(f"what {self.name}(…) gives is inserted by itself, with nothing done to it")

    __str__ = __len__ = __iter__ = __contains__ = __eq__ = __hash__ = _refused


def to_text(value: object) -> str:
    """Return a string as it is and anything else as JSON; null and undefined are errors."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        raise BadValueError("null cannot be inserted into text; use default('…', true), or test it with if")
    return to_json(value)


def to_json(value: object, indent: int | None = None) -> str:
    """Return JSON text: non-ASCII kept, nothing escaped for HTML, no NaN."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent, default=_listed)
    except ValueError as error:
        raise BadValueError(f"the value is not JSON: {error}") from error


def to_plain(value: object) -> JSON:
    """Return a value of JSON types only; iterators become lists, a bare tuple is an error."""
    if isinstance(value, tuple):
        raise BadValueError("the result is a tuple; write a list in brackets: [a, b]")
    return _plain(value)


def bounded(text: str) -> str:
    """Return the text, or raise TooLargeError where it passes 1 MB."""
    if measures_more(text):
        raise TooLargeError("the result is larger than 1 MB")
    return text


def _plain(value: object) -> JSON:
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return [_plain(item) for item in _listed(value)]


def _finite(value: float) -> float:
    if not isfinite(value):
        raise BadValueError("the result is not a finite number")
    return value


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise BadValueError(f"the key {key!r} of an object is no string")
    return str(key)


def _listed(value: object) -> list[object]:
    if isinstance(value, Undefined | Attached):
        str(value)
    if not isinstance(value, LISTABLE) or isinstance(value, LoopContext):
        raise BadValueError(f"a {type(value).__name__.lower()} is not JSON")
    items = list(islice(value, MAX_SIZE + 1))
    if len(items) > MAX_SIZE:
        raise TooLargeError("a list has more than 1,000,000 elements")
    return items
