"""What the embedded model takes of parameters and schemas; tried with llama.cpp's server."""

from collections.abc import Iterator, Mapping
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.provider import SchemaFault
from promptlab.engine.providers.dialect import given, refuse, with_extra
from promptlab.engine.schema_references import NAMED, subschemas
from promptlab.schemas.pipeline import Params

DEFAULT_MAX_TOKENS = 512


def wire_params(model: str, params: Params) -> dict[str, JSON]:
    """Give the parameters as they go on the wire; raises ParamsFault."""
    wire = given(params)
    refuse(wire, ("reasoning_effort",), model)
    return with_extra({"max_tokens": DEFAULT_MAX_TOKENS, **wire}, params)


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
