"""Renders that need no template process: constant text, and plain paths over values that are there."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.vocabulary import measures_more, normalised
from promptlab.schemas.template import Template, is_templated

_PATH = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_SINGLE = re.compile(rf"\s*\{{\{{\s*({_PATH})\s*\}}\}}\s*")
_BARE = re.compile(rf"\s*({_PATH})\s*")
_LITERALS = frozenset(("true", "false", "none", "True", "False", "None", "not"))

type Shortcut = Callable[[Names], JSON]


class NeedsProcessError(Exception):
    """The shortcut does not hold for these names."""


@lru_cache(maxsize=4096)
def shortcut(template: Template) -> Shortcut | None:
    """Return a function that renders the template at once, or None where there is none."""
    if template.kind == "expression":
        return _path(_BARE, template.source)
    if not is_templated(template.source):
        return _constant(template)
    return _path(_SINGLE, template.source) if template.kind == "value" else None


def _constant(template: Template) -> Shortcut | None:
    text = normalised(template.source)
    if measures_more(text):
        return None
    if template.kind != "prompt":
        return lambda _: text
    content = text.strip()
    return (lambda _: [{"role": "user", "content": content}]) if content else None


def _path(pattern: re.Pattern[str], source: str) -> Shortcut | None:
    found = pattern.fullmatch(source)
    if found is None:
        return None
    name, *parts = found[1].split(".")
    return None if name in _LITERALS else lambda names: _at(names, name, parts)


def _at(names: Names, name: str, parts: list[str]) -> JSON:
    value: object = names.steps[name] if name in names.steps else names.values.get(name, NeedsProcessError)
    for part in parts:
        value = value.get(part, NeedsProcessError) if isinstance(value, Mapping) else NeedsProcessError
    if value is NeedsProcessError or (isinstance(value, Mapping) and name in names.steps and not parts):
        raise NeedsProcessError
    return value  # type: ignore[return-value]
