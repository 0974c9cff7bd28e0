"""Arithmetic over named numbers: what a derived metric says of other metrics."""

import ast
import math
import operator
from collections.abc import Callable, Iterator, Mapping

from promptlab.core.frozen import frozen

LONGEST = 1000
NUMBERS = "metrics"  # metrics["any name"] names what is no plain name
KNOWN = "numbers, names of metrics, + - * / % **, comparisons, `x if y else z`, and abs, max, min, sqrt"

type Number = float
type Values = Mapping[str, float | None]

BINARY: Mapping[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: math.pow,
}
COMPARING: Mapping[type[ast.cmpop], Callable[[Number, Number], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: Mapping[str, Callable[..., Number]] = {"abs": abs, "max": max, "min": min, "sqrt": math.sqrt}


class _Unknown(Exception):
    """A name has no value."""


@frozen
class Formula:
    """`names`: what it names, in the order of the text. Made by `formula`."""

    source: str
    names: tuple[str, ...]
    body: ast.expr

    def __call__(self, values: Values) -> float | None:
        """Give its value; None where a name has none, or there is no finite number (a division by 0)."""
        try:
            found = float(_value(self.body, values))
        except (_Unknown, ArithmeticError, ValueError):
            return None
        return found if math.isfinite(found) else None


def formula(source: str) -> Formula:
    """Read a formula; raises ValueError that says what is wrong."""
    if len(source) > LONGEST:
        raise ValueError(f"is longer than {LONGEST:,} characters")
    try:
        body = ast.parse(source.strip(), mode="eval").body
        names = tuple(dict.fromkeys(_names(body)))
    except (SyntaxError, RecursionError, MemoryError) as error:
        said = error.msg if isinstance(error, SyntaxError) else "it is nested too deep"
        raise ValueError(f"is no formula: {said}; it may have {KNOWN}") from None
    return Formula(source, names, body)


def _names(node: ast.expr) -> Iterator[str]:
    name = _name(node)
    if name is not None:
        yield name
        return
    for part in _parts(node):
        yield from _names(part)


def _parts(node: ast.expr) -> list[ast.expr]:
    """Give what a form is made of; raises ValueError for what is none of arithmetic's."""
    match node:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float()):
            return []
        case ast.BinOp(left, op, right) if type(op) in BINARY:
            return [left, right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            return [operand]
        case ast.IfExp(test, body, orelse):
            return [test, body, orelse]
        case ast.Compare(left, [op], [right]) if type(op) in COMPARING:
            return [left, right]
        case ast.Call(func=ast.Name(name), args=[_, *_] as args, keywords=[]) if name in FUNCTIONS:
            return args
        case _:
            pass
    raise ValueError(f"'{ast.unparse(node)}' is no arithmetic; a formula may have {KNOWN}")


def _name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, attribute):
            above = _name(value)
            return None if above is None else f"{above}.{attribute}"
        case ast.Subscript(ast.Name(name), ast.Constant(str(key))) if name == NUMBERS:
            return key
        case _:
            return None


def _value(node: ast.expr, values: Values) -> Number:  # noqa: PLR0911 - one a form
    name = _name(node)
    if name is not None:
        known = values.get(name)
        if known is None:
            raise _Unknown(name)
        return known
    match node:
        case ast.Constant(int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=op, operand=operand):
            return -_value(operand, values) if isinstance(op, ast.USub) else _value(operand, values)
        case ast.BinOp(left, op, right):
            return BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.IfExp(test, body, orelse):
            return _value(body if _value(test, values) else orelse, values)
        case ast.Compare(left, [op], [right]):
            return float(COMPARING[type(op)](_value(left, values), _value(right, values)))
        case ast.Call(func=ast.Name(function), args=args):
            return FUNCTIONS[function](*(_value(each, values) for each in args))
    raise AssertionError(f"{ast.dump(node)} was let through")
