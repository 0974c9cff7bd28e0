"""Renders that need no template process: constant text, and plain paths over values that are there."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.vocabulary import measures_more, normalised
from promptlab.schemas.template import Template, is_templated

PATH = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_SINGLE = re.compile(rf"\s*\{{\{{\s*({PATH})\s*\}}\}}\s*")
_BARE = re.compile(rf"\s*({PATH})\s*")
_LITERALS = frozenset(("true", "false", "none", "True", "False", "None", "not"))

type Shortcut = Callable[[Names], JSON]


class NeedsProcessError(Exception):
    """The shortcut does not hold for these names."""


@lru_cache(maxsize=4096)
def shortcut(template: Template) -> Shortcut | None:
    """Return a function that renders the template at once, or None where there is none."""
    if template.kind != "expression" and not is_templated(template.source):
        return _constant(template)
    path = plain_path(template)
    return None if path is None else lambda names: _at(names, path[0], path[1:])


def plain_path(template: Template) -> tuple[str, ...] | None:
    """Give the name, and the keys below it, that an expression or a value is and no more than that."""
    if template.kind not in ("expression", "value"):
        return None
    found = (_BARE if template.kind == "expression" else _SINGLE).fullmatch(template.source)
    parts = () if found is None else tuple(found[1].split("."))
    return None if not parts or parts[0] in _LITERALS else parts


def _constant(template: Template) -> Shortcut | None:
    text = normalised(template.source)
    if measures_more(text):
        return None
    if template.kind != "prompt":
        return lambda _: text
    content = text.strip()
    return (lambda _: [{"role": "user", "content": content}]) if content else None


def _at(names: Names, name: str, parts: Sequence[str]) -> JSON:
    value: object = names.steps[name] if name in names.steps else names.values.get(name, NeedsProcessError)
    for part in parts:
        value = value.get(part, NeedsProcessError) if isinstance(value, Mapping) else NeedsProcessError
    if value is NeedsProcessError or (isinstance(value, Mapping) and name in names.steps and not parts):
        raise NeedsProcessError
    return value  # type: ignore[return-value]
