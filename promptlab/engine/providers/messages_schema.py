"""The part of JSON Schema that Anthropic's constrained decoding takes; the rest becomes descriptions."""

from collections.abc import Mapping
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.provider import SchemaFault
from promptlab.engine.schema_references import recursion

FORMATS = frozenset(
    ("date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid")
)
ALTERNATIVES = (("anyOf", "anyOf"), ("oneOf", "anyOf"), ("allOf", "allOf"))
FEWEST_ITEMS = (0, 1)

type Schema = dict[str, Any]
type At = tuple[str | int, ...]


class SchemaRefused(ValueError):
    """A schema that the vendor has no words for."""

    def __init__(self, message: str, place: At) -> None:
        super().__init__(message)
        self.fault = SchemaFault(message, place)


def schema_fault(schema: Mapping[str, JSON]) -> SchemaFault | None:
    """Say what of a schema the vendor does not take, or None."""
    again = recursion(schema)
    if again is not None:
        return SchemaFault("Anthropic's models take no schema that refers back to itself", (*again, "$ref"))
    try:
        accepted(dict(schema))
    except SchemaRefused as refused:
        return refused.fault
    return None


def accepted(schema: Any, at: At = ()) -> Schema:
    """Give the schema as the vendor takes it; raises SchemaRefused."""
    if not isinstance(schema, dict):
        raise SchemaRefused(f"Anthropic's models take no `{str(schema).lower()}` as a schema", at)
    rest = dict(schema)
    made: Schema = {}
    for key in ("$defs", "definitions"):
        if key in rest:
            made[key] = {name: accepted(inner, (*at, key, name)) for name, inner in rest.pop(key).items()}
    if "$ref" in rest:
        return {**made, "$ref": rest["$ref"]}
    made |= _what(rest, at)
    made |= {key: rest.pop(key) for key in ("description", "title") if key in rest}
    made |= _parts(rest, made.get("type"), at)
    rest.pop("$schema", None)
    if rest:
        told = "{" + ", ".join(f"{key}: {value}" for key, value in rest.items()) + "}"
        made["description"] = f"{made['description']}\n\n{told}" if "description" in made else told
    return made


def _what(rest: Schema, at: At) -> Schema:
    """Take out of `rest` what kind of value it is."""
    types = rest.pop("type", None)
    found: Schema = {key: rest.pop(key) for key in ("enum", "const") if key in rest and _is_plain(rest[key])}
    for key, name in ALTERNATIVES:
        if isinstance(rest.get(key), list):
            inner = enumerate(rest.pop(key))
            return {**found, name: [accepted(one, (*at, key, index)) for index, one in inner]}
    if found:
        return found
    if isinstance(types, list) and types:
        return {"anyOf": [accepted({"type": one, **_taken(rest, one)}, at) for one in types]}
    if types is None:
        raise SchemaRefused("Anthropic's models take no schema without `type`, `enum` or `anyOf`", at)
    return {"type": types}


def _taken(rest: Schema, kind: str) -> Schema:
    """Take out of `rest` what belongs to one of several types."""
    own = {"object": ("properties", "required", "additionalProperties"), "array": ("items", "minItems")}
    return {key: rest.pop(key) for key in own.get(kind, ()) if key in rest}


def _parts(rest: Schema, kind: str | None, at: At) -> Schema:
    """Take out of `rest` what belongs to a value of this kind."""
    if kind == "object":
        return _properties(rest, at)
    if kind == "string" and rest.get("format") in FORMATS:
        return {"format": rest.pop("format")}
    if kind != "array":
        return {}
    items = {"items": accepted(rest.pop("items"), (*at, "items"))} if "items" in rest else {}
    return {**items, **({"minItems": rest.pop("minItems")} if rest.get("minItems") in FEWEST_ITEMS else {})}


def _properties(rest: Schema, at: At) -> Schema:
    inner = rest.pop("properties", {}).items()
    rest.pop("additionalProperties", None)
    made = {name: accepted(one, (*at, "properties", name)) for name, one in inner}
    required = {"required": list(rest.pop("required"))} if "required" in rest else {}
    return {"properties": made, "additionalProperties": False, **required}


def _is_plain(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return bool(values) and not any(isinstance(one, dict | list) for one in values)
