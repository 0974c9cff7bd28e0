"""JSON Schemas as constrained decoding wants them: an object at the top, and told whether it is strict."""

import json
from collections.abc import Mapping
from typing import Any

from promptlab.core.json import JSON, as_text

WRAPPER = "answer"
_STRICT_KEYWORDS = {
    "type", "properties", "required", "additionalProperties", "items", "enum", "const", "anyOf", "$ref",
    "$defs", "definitions", "title", "description", "pattern", "format", "minimum", "maximum", "$id",
    "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "$schema",
}  # fmt: skip
_SCHEMAS_BY_NAME = ("properties", "$defs", "definitions")


def is_object(schema: Mapping[str, JSON]) -> bool:
    return schema.get("type") == "object"


def wrapped(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give a schema with an object at the top: itself, or with itself as the one property `answer`."""
    if is_object(schema):
        return dict(schema)
    shared = {key: value for key, value in schema.items() if key in ("$defs", "definitions")}
    inner: dict[str, JSON] = {key: value for key, value in schema.items() if key not in shared}
    return {
        "type": "object",
        "properties": {WRAPPER: inner},
        "required": [WRAPPER],
        "additionalProperties": False,
        **shared,
    }


def named(schema: Mapping[str, JSON]) -> dict[str, JSON]:
    """Give the schema as OpenAI's dialects send it: with a name, and whether decoding is strict."""
    sent = wrapped(schema)
    return {"name": WRAPPER, "schema": sent, "strict": fits_strict(sent)}


def bare(text: str, schema: Mapping[str, JSON] | None) -> str:
    """Give a whole answer without what `wrapped` put around it for this schema."""
    return text if schema is None or is_object(schema) else _unwrapped(text)


def _unwrapped(text: str) -> str:
    """Give the text of what is under `answer`; a text that is no such object stays as it is."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if isinstance(found, dict) and set(found) == {WRAPPER}:
        return as_text(found[WRAPPER])
    return text


def fits_strict(schema: Any) -> bool:
    """Tell whether OpenAI's strict decoding takes the schema: all keys required, none else, few keywords."""
    if not isinstance(schema, dict):
        return schema is True
    if not set(schema) <= _STRICT_KEYWORDS:
        return False
    if "properties" in schema or schema.get("type") == "object":
        required = set(schema.get("required", ()))
        if schema.get("additionalProperties") is not False or required != set(schema.get("properties", ())):
            return False
    return all(fits_strict(inner) for inner in _inner(schema))


def _inner(schema: dict[str, Any]) -> list[Any]:
    named = [inner for key in _SCHEMAS_BY_NAME for inner in schema.get(key, {}).values()]
    items = [schema["items"]] if "items" in schema else []
    return [*named, *items, *schema.get("anyOf", ())]
