"""What type an expression surely gives, and how many items, as far as its syntax says it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from jinja2 import nodes
from jinja2.exceptions import TemplateSyntaxError

from promptlab.core.frozen import frozen
from promptlab.engine.templating.environment import TemplateEnvironment
from promptlab.engine.templating.syntax import parse, single_expression
from promptlab.engine.templating.vocabulary import TemplateKind
from promptlab.loader.templating.unit import NO_LIBRARY
from promptlab.schemas.dataset import InputType

__all__ = ["Kind", "kind_of_element", "kind_of_expression", "kind_of_value", "length_of_range"]

type Kind = InputType | Literal["null"]
type KindOfPath = Callable[[str, tuple[str | int, ...]], Kind | None]

_BY_CALL: Mapping[str, Kind] = {
    **dict.fromkeys(("capitalize", "center", "e", "escape", "filesizeformat", "indent", "join"), "string"),
    **dict.fromkeys(("lower", "replace", "string", "striptags", "title", "tojson", "trim"), "string"),
    **dict.fromkeys(("truncate", "upper", "urlencode", "wordwrap"), "string"),
    **dict.fromkeys(("count", "int", "length", "wordcount"), "integer"),
    "float": "number",
    "range": "array",
    "dict": "object",
}
_CONSTANTS: Mapping[type, Kind] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    type(None): "null",
}
_BY_SYNTAX: Mapping[type, Kind] = {
    nodes.Dict: "object",
    nodes.List: "array",
    nodes.Tuple: "array",
    nodes.Concat: "string",
    nodes.Compare: "boolean",
    nodes.Not: "boolean",
    nodes.Test: "boolean",
}
_MOST_ARGUMENTS = 3  # of `range`


def kind_of_expression(source: str, of_path: KindOfPath) -> Kind | None:
    """Give the type of what an expression gives; `of_path` says it of a name and the keys below it."""
    tree = _parsed(source, "expression")
    return None if tree is None else _Kinds(of_path).of(single_expression("expression", tree))


def kind_of_element(source: str, of_path: KindOfPath) -> Kind | None:
    """Give the type of all elements of the list that an expression gives."""
    tree = _parsed(source, "expression")
    return None if tree is None else _Kinds(of_path).of_element(single_expression("expression", tree))


def kind_of_value(source: str, of_path: KindOfPath) -> Kind | None:
    """Give the type of what a template of a value gives: that of its single expression, else text."""
    tree = _parsed(source, "value")
    if tree is None:
        return None
    expression = single_expression("value", tree)
    return "string" if expression is None else _Kinds(of_path).of(expression)


def length_of_range(source: str) -> int | None:
    """Give how many items a `range(…)` of whole numbers has; None where the expression is something else."""
    tree = _parsed(source, "expression")
    found = None if tree is None else single_expression("expression", tree)
    if not isinstance(found, nodes.Call) or found.node != nodes.Name("range", "load"):
        return None
    given = list(_whole_numbers(found.args))
    if not 0 < len(given) == len(found.args) <= _MOST_ARGUMENTS or given[2:] == [0]:
        return None
    every = range(*given)
    return max(0, -((every.start - every.stop) // every.step))


def _parsed(source: str, kind: TemplateKind) -> nodes.Template | None:
    try:
        return parse(TemplateEnvironment(NO_LIBRARY, kind), kind, source)
    except (TemplateSyntaxError, RecursionError, ValueError, ArithmeticError, SyntaxError):
        return None


def _whole_numbers(arguments: list[nodes.Expr]) -> Iterator[int]:
    for argument in arguments:
        is_negative = isinstance(argument, nodes.Neg)
        inner = argument.node if isinstance(argument, nodes.Neg) else argument
        if isinstance(inner, nodes.Const) and type(inner.value) is int:
            yield -inner.value if is_negative else inner.value


@frozen(slots=False)
class _Kinds:
    of_path: KindOfPath

    def of(self, node: nodes.Node | None) -> Kind | None:
        match node:
            case nodes.Const(value=value):
                return _CONSTANTS.get(type(value))
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._of_path(node)
            case nodes.Filter(name=name) | nodes.Call(node=nodes.Name(name=name)):
                return _BY_CALL.get(name)
            case nodes.CondExpr(expr1=first, expr2=second):
                kind = self.of(first)
                return kind if kind == self.of(second) else None
            case nodes.Neg() | nodes.Pos():
                return self.of(node.node)
        return _BY_SYNTAX.get(type(node))

    def of_element(self, node: nodes.Node | None) -> Kind | None:
        match node:
            case nodes.List(items=[first, *others]):
                kind = self.of(first)
                return kind if all(self.of(other) == kind for other in others) else None
            case nodes.Call(node=nodes.Name(name="range")):
                return "integer"
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._of_path(nodes.Getitem(node, nodes.Const(0), "load"))
        return None

    def _of_path(self, node: nodes.Node) -> Kind | None:
        parts: list[str | int] = []
        while not isinstance(node, nodes.Name):
            match node:
                case nodes.Getattr(attr=part):
                    parts.append(part)
                case nodes.Getitem(arg=nodes.Const(value=str(part) | int(part))):
                    parts.append(part)
                case _:
                    return None
            node = node.node
        return self.of_path(node.name, tuple(reversed(parts)))
