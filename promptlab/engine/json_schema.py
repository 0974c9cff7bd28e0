"""JSON Schema without its dangers: patterns are bounded in time, and nothing is fetched."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from json import loads
from typing import TYPE_CHECKING, Any

from promptlab.core.json import JSON, canonical
from promptlab.core.patterns import compiled, search
from promptlab.engine.plain_schema import is_plain
from promptlab.engine.schema_references import check_references
from promptlab.schemas.refusal import Refusal

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

MOST_VALUES = 20_000


class TooLarge(ValueError):
    """A value with too many parts to be held to a schema."""


def check_schema(schema: Mapping[str, JSON]) -> None:
    """Raise Refusal where `schema` is no JSON Schema, ValueError for a pattern in it that is none."""
    if not is_plain(schema):
        _hold_to_its_dialect(schema)
    check_references(schema)
    for pattern in _patterns(schema):
        compiled(pattern)


def _hold_to_its_dialect(schema: Mapping[str, JSON]) -> None:
    from jsonschema.exceptions import SchemaError  # noqa: PLC0415

    try:
        type(_validator(canonical(schema))).check_schema(dict(schema))
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        message = f"not a JSON Schema: {place}{': ' if place else ''}{error.message[:300]}"
        raise Refusal(message, code="schema", below=error.absolute_path) from None


def misfit(schema: Mapping[str, JSON], value: JSON) -> str | None:
    """Say where and why `value` does not fit, or None where it does. Raises TooLarge."""
    if _count(value) > MOST_VALUES:
        raise TooLarge(f"has more than {MOST_VALUES} values, too many to be held to a schema")
    error = next(iter(_validator(canonical(schema)).iter_errors(value)), None)
    if error is None:
        return None
    place = error.json_path.removeprefix("$").removeprefix(".")
    return f"{place}{': ' if place else ''}{error.message[:300]}"


@lru_cache(maxsize=256)
def _validator(schema: str) -> "Validator":
    from jsonschema.validators import Draft202012Validator, extend, validator_for  # noqa: PLC0415
    from referencing.jsonschema import EMPTY_REGISTRY  # noqa: PLC0415

    parsed = loads(schema)
    base: Any = validator_for(parsed, default=Draft202012Validator)
    kind = extend(base, {"pattern": _pattern})  # type: ignore[no-untyped-call]
    found: Validator = kind(parsed, registry=EMPTY_REGISTRY)
    return found


def _pattern(validator: object, pattern: str, instance: object, schema: object) -> Iterator[Any]:  # noqa: ARG001
    from jsonschema.exceptions import ValidationError  # noqa: PLC0415

    if isinstance(instance, str) and not search(compiled(pattern), instance):
        yield ValidationError(f"{instance[:100]!r} does not match {pattern!r}")


def _patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, Mapping):
        for key, value in schema.items():
            if key == "pattern" and isinstance(value, str):
                yield value
            yield from _patterns(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from _patterns(item)


def _count(value: JSON) -> int:
    found, waiting = 0, [value]
    while waiting and found <= MOST_VALUES:
        found += 1
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return found
