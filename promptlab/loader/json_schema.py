"""The JSON Schema of pipelines, for editors: made from the models and the tables of kinds."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.catalog import CHECKS, METRICS, STEPS
from promptlab.schemas.dataset import INPUT_TYPES
from promptlab.schemas.fields import KIND
from promptlab.schemas.pipeline import PipelineSpec

type Schema = dict[str, Any]

REFERENCE = "#/$defs/"
NOT_EMPTY = "SomeItems_"  # as schemas.base calls its lists
LISTS = ("Items_", NOT_EMPTY)
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": "string", "minLength": 1}
SHORT_FORMS: Mapping[str, Schema] = {
    "DatasetEntry": TEXT,
    "InputEntry": {"enum": list(INPUT_TYPES)},
    "Repeat": {"type": "integer", "minimum": 1},
}
OUTPUT: Schema = {
    "description": "What a step's output must be.",
    "anyOf": [
        {"enum": ["text", "json"]},
        {
            "type": "object",
            "properties": {
                "schema": {"type": ["object", "string"]},
                "enum": {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True},
                "regex": {"type": "string"},
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": False,
        },
    ],
}
OVERRIDES: Schema = {"type": ["object", "null"]}
OVERRIDING: Mapping[str, Schema] = {
    "variants": {"type": "object", "additionalProperties": OVERRIDES},
    "matrix": {
        "type": "object",
        "additionalProperties": {
            "anyOf": [
                {"type": "array", "minItems": 1},
                {"type": "object", "minProperties": 1, "additionalProperties": OVERRIDES},
            ]
        },
    },
}


def pipeline_schema() -> dict[str, JSON]:
    """Give the JSON Schema (2020-12) of a pipeline's file."""
    steps = {name: STEPS.get(name) for name in STEPS.names()}
    checks = {name: CHECKS.get(name) for name in CHECKS.names()}
    metrics = {name: METRICS.get(name) for name in METRICS.names()}
    models: list[type[BaseModel]] = [PipelineSpec, *steps.values(), *checks.values(), *metrics.values()]
    references, made = models_json_schema([(model, "validation") for model in models])
    definitions = made["$defs"]
    pipeline = definitions.pop(PipelineSpec.__name__)
    for name, check in checks.items():
        reference = references[check, "validation"]["$ref"]
        definitions[reference.rpartition("/")[2]]["properties"]["type"] = {"enum": [name, f"not-{name}"]}
    definitions["Step"] = {"anyOf": [references[step, "validation"] for step in steps.values()]}
    definitions["Metric"] = {"anyOf": [references[metric, "validation"] for metric in metrics.values()]}
    definitions["Check"] = _check([references[check, "validation"] for check in checks.values()])
    definitions["OutputSpec"] = OUTPUT
    for name, short in SHORT_FORMS.items():
        definitions[name] = {"anyOf": [short, definitions[name]]}
    pipeline["properties"] |= OVERRIDING
    pipeline["patternProperties"] = {"^x-": {}}
    tidy = _Tidy(definitions)
    schema: dict[str, JSON] = tidy.tidied({"$schema": DIALECT, **pipeline})
    schema["$defs"] = {name: tidy.used[name] for name in sorted(tidy.used)}
    return schema


def _check(long_forms: list[Schema]) -> Schema:
    words = [word for name in CHECKS.names() for word in (name, f"not-{name}")]
    short = {
        "type": "object",
        "properties": {word: {} for word in words},
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [{"enum": words}, short, *long_forms]}


@slotted
class _Tidy:
    """Takes out of a schema what Pydantic puts in and nobody needs: titles, empty defaults, names of lists.

    `used`: the definitions that what was tidied refers to, tidied.
    """

    definitions: Mapping[str, Schema]
    used: dict[str, Schema] = field(default_factory=dict)

    def tidied(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.tidied(item) for item in value]
        if not isinstance(value, dict):
            return value
        if KIND in value or "$ref" in value:
            return self._referred(value.get("$ref", REFERENCE + value.get(KIND, "")), value)
        kept = {key: item for key, item in value.items() if not _is_noise(key, item)}
        return {key: self._inner(key, item) for key, item in kept.items()}

    def _inner(self, key: str, item: Any) -> Any:
        """Tidy what stands at a key; those of `properties` are names, not words of JSON Schema."""
        if key == "properties":
            return {name: self.tidied(schema) for name, schema in item.items()}
        return self.tidied(item)

    def _referred(self, reference: str, value: Schema) -> Schema:
        name = reference.removeprefix(REFERENCE)
        if name.startswith(LISTS):
            return {**self.tidied(self.definitions[name]), **_limits(name, value)}
        if name not in self.used:
            self.used[name] = {}
            self.used[name] = self.tidied(self.definitions[name])
        return {"$ref": reference}


def _limits(name: str, value: Schema) -> Schema:
    """Say how many items there may be, as a list's name and place do."""
    said = {"minItems": 1} if name.startswith(NOT_EMPTY) else {}
    return said | {key: item for key, item in value.items() if key in ("minItems", "maxItems")}


def _is_noise(key: str, item: object) -> bool:
    if key == "default":
        return not item or isinstance(item, dict)
    return key == "title" and isinstance(item, str)
