"""The smallest instance that satisfies a JSON Schema (of the subset that providers accept)."""

import math
from collections.abc import Callable

from .wire import Json, JsonObject

_EMPTY: dict[str, Json] = {"null": None, "boolean": False, "object": {}, "array": [], "string": ""}
_FORMATS = {
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "date-time": "2026-01-01T00:00:00Z",
    "email": "a@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "127.0.0.1",
}


def minimal_instance(schema: Json, root: Json = None) -> Json:
    """Return a minimal instance; `$ref` is looked up in `root`, by default the schema itself."""
    if not isinstance(schema, dict):
        return None
    root = schema if root is None else root
    if (other := _stands_for(schema, root)) is not None:
        return minimal_instance(other, root)
    if "const" in schema:
        return schema["const"]
    if schema.get("enum"):
        return schema["enum"][0]
    return _of_type(_type_of(schema), schema, root)


def _stands_for(schema: JsonObject, root: Json) -> Json:
    """Return the schema whose instances will do for this one; None where it speaks for itself."""
    if "$ref" in schema:
        return _lookup(root, schema["$ref"])
    if "allOf" in schema:
        return _merged(schema, root)
    choices = schema.get("anyOf") or schema.get("oneOf") or [None]
    return choices[0]


def _type_of(schema: JsonObject) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        return str(named[0])
    return str(named or ("array" if "items" in schema else "object"))


def _of_type(kind: str, schema: JsonObject, root: Json) -> Json:
    match kind:
        case "object":
            properties = schema.get("properties", {})
            return {name: minimal_instance(properties.get(name), root) for name in schema.get("required", ())}
        case "array":
            return [minimal_instance(schema.get("items"), root)] * schema.get("minItems", 0)
        case "string":
            return _FORMATS.get(schema.get("format", ""), "x" * schema.get("minLength", 0))
        case "integer" | "number":
            return _number(kind, schema)
    return _EMPTY.get(kind)


def _number(kind: str, schema: JsonObject) -> float:
    """Return 0 where it is allowed, else the multiple that is nearest to the bound that forbids it."""
    step = schema.get("multipleOf", 1)
    least = max(_steps(math.ceil, schema, "minimum"), _steps(math.floor, schema, "exclusiveMinimum") + 1)
    most = min(_steps(math.floor, schema, "maximum"), _steps(math.ceil, schema, "exclusiveMaximum") - 1)
    found = min(max(0, least), most) * step
    return int(found) if kind == "integer" else found


def _steps(rounded: Callable[[float], float], schema: JsonObject, bound: str) -> float:
    if bound in schema:
        return rounded(schema[bound] / schema.get("multipleOf", 1))
    return -math.inf if "inimum" in bound else math.inf


def _lookup(root: Json, reference: str) -> Json:
    found = root
    for key in reference.removeprefix("#").strip("/").split("/"):
        found = found[key.replace("~1", "/").replace("~0", "~")] if key else found
    return found


def _merged(schema: JsonObject, root: Json) -> JsonObject:
    merged = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema["allOf"]:
        resolved = _lookup(root, part["$ref"]) if "$ref" in part else part
        merged = {
            **merged,
            **resolved,
            "properties": merged.get("properties", {}) | resolved.get("properties", {}),
            "required": [*merged.get("required", ()), *resolved.get("required", ())],
        }
    return merged
