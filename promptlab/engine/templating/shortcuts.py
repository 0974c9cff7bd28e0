"""Renders that need no template process: constant text, plain paths, and texts of nothing but these."""

import re
from collections.abc import Callable
from functools import lru_cache, partial

from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.paths import RESERVED, value_at
from promptlab.engine.templating.plain import content, messages, plain_parts
from promptlab.engine.templating.vocabulary import measures_more, normalised
from promptlab.schemas.template import Template, is_templated

PATH = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_SINGLE = re.compile(rf"\s*\{{\{{\s*({PATH})\s*\}}\}}\s*")
_BARE = re.compile(rf"\s*({PATH})\s*")

type Shortcut = Callable[[Names], JSON]


@lru_cache(maxsize=4096)
def shortcut(template: Template) -> Shortcut | None:
    """Return a function that renders the template at once, or None where there is none.

    It raises NeedsProcessError for names that it does not hold for.
    """
    if template.kind != "expression" and not is_templated(template.source):
        return _constant(template)
    path = plain_path(template)
    if path is not None:
        return lambda names: value_at(names, path)
    return None if template.kind == "expression" else _plain(template)


def plain_path(template: Template) -> tuple[str, ...] | None:
    """Give the name, and the keys below it, that an expression or a value is and no more than that."""
    if template.kind not in ("expression", "value"):
        return None
    found = (_BARE if template.kind == "expression" else _SINGLE).fullmatch(normalised(template.source))
    parts = () if found is None else tuple(found[1].split("."))
    return None if not parts or parts[0] in RESERVED else parts


def _constant(template: Template) -> Shortcut | None:
    text = normalised(template.source)
    if measures_more(text):
        return None
    if template.kind != "prompt":
        return lambda _: text
    content = text.strip()
    return (lambda _: [{"role": "user", "content": content}]) if content else None


def _plain(template: Template) -> Shortcut | None:
    parts = plain_parts(template)
    if parts is None:
        return None
    return partial(messages if template.kind == "prompt" else content, parts)
