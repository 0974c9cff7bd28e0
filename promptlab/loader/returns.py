"""What a function says that it returns, held to the `output` of the step that calls it."""

import ast
import warnings
from collections.abc import Iterator

from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean
from promptlab.engine.function import Function
from promptlab.loader.annotations import NoSchema, Schema, Types
from promptlab.loader.scope import Objection
from promptlab.schemas.pipeline import OutputSpec

__all__ = ["return_objection", "returned"]

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def return_objection(function: Function, output: OutputSpec | None) -> Objection | None:
    """Say why what the function's return hint says does not fit the output; None where it may."""
    if output is None or function.returns is None or output.kind == "json":
        return None
    returned = _schema(function)
    if returned is None:
        return None
    wanted = _types(output.json_schema or {}) if output.kind == "schema" else {"string"}
    kinds = _types(returned)
    if kinds and wanted and not kinds & wanted:
        message = f"{function.reference} returns {function.returns}, but `output` asks for {_listed(wanted)}"
        return Objection(message, "returns", "mend the function's return hint, or `output`")
    return _stray_word(function, output, returned)


def returned(function: Function) -> OutputSpec | None:
    """Give what a function's return hint says of its output; None where it leaves that open.

    What is hinted to be a float may be a whole number, and a decorator may give anything.
    """
    schema = None if function.returns is None or _is_decorated(function) else _schema(function)
    if schema is None or schema.get("type") == "number":
        return None
    return OutputSpec.model_construct(kind="schema", json_schema=schema)


def _is_decorated(function: Function) -> bool:
    defined = (node for node in ast.parse(function.source).body if isinstance(node, DEFINITIONS))
    return any(node.decorator_list for node in defined if node.name == function.name)


def _stray_word(function: Function, output: OutputSpec, returned: Schema) -> Objection | None:
    if output.kind != "enum":
        return None
    for word in _words(returned):
        if word.strip() not in output.enum:
            message = f"{function.reference} may return '{word}', which is none of {', '.join(output.enum)}"
            return Objection(message, "returns", did_you_mean(word, output.enum) or None)
    return None


def _schema(function: Function) -> Schema | None:
    try:
        with warnings.catch_warnings(action="ignore"):
            types = Types.of(ast.parse(function.source))
        return types.schema(ast.parse(function.returns or "None", mode="eval").body)
    except (NoSchema, SyntaxError, ValueError, RecursionError):
        return None


def _types(schema: Schema) -> set[str]:
    """Give the types that a schema allows; none where it does not say it."""
    kinds = schema.get("type")
    if isinstance(kinds, str):
        return {"integer", "number"} if kinds == "number" else {kinds}
    choices = schema.get("anyOf")
    if not isinstance(choices, list):
        return set()
    each = [_types(choice) if isinstance(choice, dict) else set[str]() for choice in choices]
    return set().union(*each) if all(each) else set()


def _words(schema: Schema) -> Iterator[str]:
    words, choices = schema.get("enum"), schema.get("anyOf")
    found: list[JSON] = words if isinstance(words, list) else []
    yield from (word for word in found if isinstance(word, str))
    for choice in choices if isinstance(choices, list) else ():
        yield from _words(choice) if isinstance(choice, dict) else ()


def _listed(kinds: set[str]) -> str:
    return " or ".join("text" if kind == "string" else f"type {kind}" for kind in sorted(kinds))
