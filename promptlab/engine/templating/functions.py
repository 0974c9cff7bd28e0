"""The filters and tests that templates may use: Jinja's own, held to strict values."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, wraps
from typing import Any, cast

from jinja2.filters import FILTERS as JINJA_FILTERS
from jinja2.runtime import Undefined
from jinja2.tests import TESTS as JINJA_TESTS
from markupsafe import escape

from promptlab.engine.templating.values import bounded, to_json, to_text
from promptlab.engine.templating.vocabulary import FILTERS, TESTS, TEXT_FILTERS

type Function = Callable[..., Any]


@cache
def template_filters() -> Mapping[str, Function]:
    """Return the allowed filters by name."""
    plain: dict[str, Function] = {name: JINJA_FILTERS[name] for name in FILTERS - TEXT_FILTERS}
    texts: dict[str, Function] = {name: _on_text(JINJA_FILTERS[name]) for name in TEXT_FILTERS}
    own: dict[str, Function] = {
        "tojson": to_json,
        "string": to_text,
        "join": _join,
        "items": _items,
        "escape": _escape,
        "e": _escape,
    }
    return {**plain, **texts, **own}


@cache
def template_tests() -> Mapping[str, Function]:
    """Return the allowed tests by name; all but ``defined`` and ``undefined`` refuse undefined values."""
    tests = {name: cast("Function", JINJA_TESTS[name]) for name in TESTS}
    return {name: test if name.endswith("defined") else _on_defined(test) for name, test in tests.items()}


def _on_text(function: Function) -> Function:
    position = int(hasattr(function, "jinja_pass_arg"))

    @wraps(function)
    def on_text(*args: object, **kwargs: object) -> object:
        text = to_text(args[position])
        return function(*args[:position], text, *args[position + 1 :], **kwargs)

    return on_text


def _on_defined(test: Function) -> Function:
    @wraps(test)
    def on_defined(value: object, *args: object) -> object:
        if isinstance(value, Undefined):
            str(value)
        return test(value, *args)

    return on_defined


def _join(value: Iterable[object], separator: str = "", attribute: str | int | None = None) -> str:
    if attribute is not None:
        value = (_part(item, attribute) for item in value)
    return bounded(separator.join(map(to_text, value)))


def _part(item: object, attribute: str | int) -> object:
    if not isinstance(item, Mapping) or attribute not in item:
        raise TypeError(f"join: an element has no '{attribute}'")
    return item[attribute]


def _items(value: object) -> list[tuple[object, object]]:
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, Mapping):
        raise TypeError("items: the value is no object")
    return list(value.items())


def _escape(value: object) -> str:
    return str(escape(to_text(value)))
