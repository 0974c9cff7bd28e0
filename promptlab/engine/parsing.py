"""From the text of an answer to the value that a step's `output` asks for."""

import json
from collections.abc import Mapping
from typing import Any

from promptlab.core.json import JSON, as_text, finite
from promptlab.schemas.pipeline import OutputSpec

SHOWN = 80


class InvalidOutput(Exception):
    """The answer is not what the step's `output` asks for; the message says what is wrong with it."""


def parse_text(spec: OutputSpec, text: str) -> JSON:
    """Give the value of an answer. Raises InvalidOutput."""
    match spec.kind:
        case "text":
            return text
        case "json":
            return parse_json(text)
        case "schema":
            return _valid(spec, parse_json(text))
        case "enum":
            return _word(spec, text)
        case "regex":
            return _matched(spec, text)


def check_value(spec: OutputSpec, value: JSON) -> JSON:
    """Hold a value that is no answer's text (a function's) to the step's `output`. Raises InvalidOutput."""
    if spec.kind == "json":
        return value
    if spec.kind == "schema":
        return _valid(spec, value)
    if not isinstance(value, str):
        raise InvalidOutput(f"the output should be text, but is {_shown(value)}")
    return parse_text(spec, value)


def parse_json(text: str) -> JSON:
    """Read strict JSON: no fences, no NaN, nothing around it. Raises InvalidOutput."""
    try:
        value: JSON = json.loads(text, parse_constant=_refuse_constant, parse_float=finite)
    except RecursionError:
        raise InvalidOutput("the answer is nested too deep to be read as JSON") from None
    except ValueError as error:
        fence = "; it is wrapped in a code fence" if text.lstrip().startswith("```") else ""
        raise InvalidOutput(f"the answer is not JSON: {error}{fence}: {_shown(text)}") from None
    return value


def schema_of(spec: OutputSpec | None) -> Mapping[str, JSON] | None:
    """Give the JSON Schema that the provider's constrained decoding gets; None: free text."""
    if spec is None or spec.kind not in ("schema", "enum"):
        return None
    if spec.kind == "schema":
        return spec.json_schema
    return {"type": "string", "enum": list(spec.enum)}


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _valid(spec: OutputSpec, value: JSON) -> JSON:
    from promptlab.engine.json_schema import TooLarge, misfit  # noqa: PLC0415

    try:
        fault = misfit(spec.json_schema or {}, value)
    except TooLarge as error:
        raise InvalidOutput(str(error)) from None
    if fault is not None:
        raise InvalidOutput(f"the answer does not fit the schema: {fault}")
    return value


def _word(spec: OutputSpec, text: str) -> str:
    word = text.strip()
    if word not in spec.enum:
        raise InvalidOutput(f"the answer {_shown(word)} is none of {', '.join(spec.enum)}")
    return word


def _matched(spec: OutputSpec, text: str) -> str:
    from promptlab.core.patterns import SearchTookTooLong, compiled, search  # noqa: PLC0415

    try:
        found = search(compiled(spec.regex or ""), text)
    except SearchTookTooLong as error:
        raise InvalidOutput(f"the regex of the output: {error}") from None
    if found is None:
        raise InvalidOutput(f"the answer does not match {spec.regex}: {_shown(text)}")
    group: str | None = found.group(1) if found.re.groups else None
    return str(found.group()) if group is None else group


def _shown(value: JSON) -> str:
    text = as_text(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
