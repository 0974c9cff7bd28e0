"""What is known of what steps see that have not run yet, as far as it says how long their lists are."""

import re
from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import frozen
from promptlab.engine.json_schema import TooLarge, misfit
from promptlab.engine.scope import Names
from promptlab.engine.step import OnErrorDefault, Step
from promptlab.engine.steps.foreach import MOST_ITEMS, ForeachStep

type Schema = Mapping[str, object]

NOTHING: Schema = {}
_NAME = re.compile(r"(?<![\w.])[^\W\d]\w*")
_DOTTED = re.compile(r"\s*(?P<path>\w+(?:\.\w+)*)(?:\[:(?P<first>\d+)\])?(?:\s*\|\s*default\(\[\]\))?\s*")


@frozen
class Scope:
    """What steps see in some rounds. `missing`: the names of what is not there yet, with what is known of it.

    `times`: how many rounds see it; `is_limit`: at most so many, as nobody knows how long a list will be.
    """

    names: Names
    missing: Mapping[str, Schema] = field(default_factory=dict)
    times: int = 1
    is_limit: bool = False

    def lacks(self, source: str) -> bool:
        """Whether an expression hangs on what is not there."""
        return not self.missing.keys().isdisjoint(_NAME.findall(source))

    def schema(self, source: str) -> Schema:
        """Give what is known of the value of an expression that hangs on what is not there."""
        dotted = _DOTTED.fullmatch(source)
        if dotted is None:
            return NOTHING
        name, *keys = dotted["path"].split(".")
        found = self.missing.get(name, NOTHING)
        for key in keys:
            found = below(below(found, "properties"), key)
        return found if dotted["first"] is None else _cut(found, int(dotted["first"]))


def lengths(schema: Schema) -> tuple[int, int]:
    """Give how many items a list has at least and at most, if a `foreach` is to run over it."""
    least, most = schema.get("minItems", 0), schema.get("maxItems", MOST_ITEMS)
    most = min(most, MOST_ITEMS) if isinstance(most, int) else MOST_ITEMS
    return min(least, most) if isinstance(least, int) else 0, most


def _cut(schema: Schema, length: int) -> Schema:
    """Give what is known of a list of which only the first items count."""
    least, most = lengths(schema)
    return {**schema, "minItems": min(least, length), "maxItems": min(most, length)}


def seen_of(step: Step, *, least: int = 0, most: int = MOST_ITEMS) -> Schema:
    """Give what is known of what others will see of a step; a `foreach` runs for so many items."""
    shape = step.shape
    if shape is None or shape.json_schema is None or not _holds(step, shape.json_schema):
        return NOTHING
    lengths = {"minItems": least, "maxItems": most} if isinstance(step, ForeachStep) else {}
    return {"properties": {"output": {**shape.json_schema, **lengths}}}


def _holds(step: Step, schema: Mapping[str, object]) -> bool:
    """Whether its schema also says what an error gives."""
    if not isinstance(step.on_error, OnErrorDefault) or isinstance(step, ForeachStep):
        return True
    try:
        return misfit(schema, step.on_error.default) is None  # type: ignore[arg-type]
    except TooLarge:
        return False


def below(schema: Schema, key: str) -> Schema:
    """Give what a schema says under a key, if that is a schema."""
    found = schema.get(key)
    return found if isinstance(found, Mapping) else NOTHING
