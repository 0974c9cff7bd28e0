"""What is known of the output of a step with steps inside, as what a step's output must be."""

from collections.abc import Iterable

from promptlab.core.json import JSON
from promptlab.schemas.pipeline import OutputSpec


def object_of(names: Iterable[str]) -> OutputSpec:
    """Give the shape of an object with these keys and no others."""
    properties: dict[str, JSON] = {name: {} for name in names}
    return _schema({"type": "object", "properties": properties, "additionalProperties": False})


def list_of(shape: OutputSpec | None) -> OutputSpec:
    """Give the shape of a list of what has a shape."""
    return _schema({"type": "array", "items": _item(shape)})


def _item(shape: OutputSpec | None) -> dict[str, JSON]:
    if shape is None or shape.kind == "json":
        return {}
    if shape.kind == "schema":
        schema = shape.json_schema or {}
        return schema if not {"$defs", "$ref", "definitions"} & schema.keys() else {}
    return {"type": "string", **({"enum": list(shape.enum)} if shape.enum else {})}


def _schema(schema: dict[str, JSON]) -> OutputSpec:
    return OutputSpec.model_construct(kind="schema", json_schema=schema)
