"""Plain paths over the values that are there: a name, and the keys below it."""

from collections.abc import Mapping

from promptlab.core.json import JSON
from promptlab.engine.scope import Names

type Path = tuple[str, ...]

RESERVED = frozenset(("true", "false", "none", "True", "False", "None", "not", "self", "super", "loop"))
"""What means something to Jinja whatever values there are."""


class NeedsProcessError(Exception):
    """What would render a template at once does not hold for these names."""


def value_at(names: Names, path: Path) -> JSON:
    """Give the value at a path; raises NeedsProcessError where there is none, or where it is a whole step."""
    name, *parts = path
    value: object = names.steps[name] if name in names.steps else names.values.get(name, NeedsProcessError)
    for part in parts:
        value = value.get(part, NeedsProcessError) if isinstance(value, Mapping) else NeedsProcessError
    if value is NeedsProcessError or (isinstance(value, Mapping) and name in names.steps and not parts):
        raise NeedsProcessError
    return value  # type: ignore[return-value]
