"""What llama.cpp makes no grammar of; tried with its server."""

from collections.abc import Iterator, Mapping
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.provider import SchemaFault
from promptlab.engine.schema_references import NAMED, subschemas


def schema_fault(schema: Mapping[str, JSON]) -> SchemaFault | None:
    """Say what of a schema the local model cannot be held to, or None."""
    return next(_faults(dict(schema)), None)


def _faults(schema: dict[str, Any]) -> Iterator[SchemaFault]:
    for place, inner in subschemas(schema):
        if inner.get("$ref") == "#":
            message = "the local model takes no $ref to the whole schema; put it under $defs"
            yield SchemaFault(message, (*place, "$ref"))
        for key in NAMED & inner.keys():
            named = inner[key]
            for name, one in named.items() if isinstance(named, dict) else ():
                if isinstance(one, bool):
                    message = f"the local model takes no `{str(one).lower()}` as a schema"
                    yield SchemaFault(message, (*place, key, name))
