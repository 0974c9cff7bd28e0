"""What type a value surely has before it is there."""

import re
from collections.abc import Mapping

from promptlab.loader.scope import Scope
from promptlab.loader.shapes import type_of_output
from promptlab.schemas.dataset import InputType

PATH = re.compile(r"\s*([^\W\d]\w*)((?:\.\w+)*)\s*")
SINGLE = re.compile(r"\s*\{\{(.*)\}\}\s*", re.DOTALL)
TEXT = re.compile(r"""\s*('[^'\\]*'|"[^"\\]*")\s*""")
NUMBER = re.compile(r"\s*-?\d+(\.\d+)?\s*")
FILTERED = re.compile(r"[^|{}\[\]()]*(?:\|[^|{}\[\]()]*)*\|\s*(\w+)\s*")
FILTERS: Mapping[str, InputType] = {
    **dict.fromkeys(("capitalize", "lower", "string", "title", "tojson", "trim", "upper"), "string"),
    **dict.fromkeys(("count", "int", "length"), "integer"),
    "float": "number",
}
OPERATORS = frozenset(
    {"if", "else", "and", "or", "not", "in", "is", "+", "-", "*", "~", "==", "!=", "<", ">"}
)
CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})


def kind_of(expression: str, scope: Scope) -> InputType | None:
    """Give the type of what an expression without braces gives, where that is sure."""
    if TEXT.fullmatch(expression):
        return "string"
    if NUMBER.fullmatch(expression):
        return "number"
    filtered = FILTERED.fullmatch(expression)
    if filtered is not None and not OPERATORS & set(expression.split()):
        return FILTERS.get(filtered[1])
    found = PATH.fullmatch(expression)
    if found is None or found[1] in CONSTANTS:
        return None
    return _kind_at(found[1], tuple(found[2].split(".")[1:]), scope)


def kind_of_template(template: str, scope: Scope) -> InputType | None:
    """Give the type of what a template gives: text, or what its single expression gives."""
    found = SINGLE.fullmatch(template)
    if found is None or "{{" in found[1] or "{%" in template:
        return "string" if found is None else None
    return kind_of(found[1], scope)


def _kind_at(name: str, path: tuple[str, ...], scope: Scope) -> InputType | None:
    if name in scope.others:
        return "integer" if name.endswith("_index") and name != "row" and not path else None
    spec = (scope.inputs or {}).get(name)
    if spec is not None:
        return None if path or spec.type == "any" else spec.type
    step = scope.steps.get(name)
    if step is None or path[:1] == ("status",):
        return None if step is None else "string"
    return type_of_output(step.shape, path[1:]) if path[:1] == ("output",) else None
