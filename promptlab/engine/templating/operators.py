"""Operators that could build something huge, or format strings, are judged before they run."""

from jinja2.exceptions import SecurityError

from promptlab.engine.templating.values import TooLargeError
from promptlab.engine.templating.vocabulary import MAX_INTEGER_BITS, MAX_SIZE

INTERCEPTED = frozenset(("+", "*", "**", "%"))


def judge(operator: str, left: object, right: object) -> None:
    """Raise for an operation that templates may not do."""
    if operator == "%" and isinstance(left, str):
        raise SecurityError("text cannot be formatted with %; insert values with {{ … }} or join them with ~")
    if operator == "+" and _length(left) + _length(right) > MAX_SIZE:
        raise TooLargeError("+ would build more than 1,000,000 elements")
    if operator == "*":
        _judge_product(left, right)
    if operator == "**" and isinstance(left, int) and isinstance(right, int):
        _judge_bits(left.bit_length() * right)


def _judge_product(left: object, right: object) -> None:
    if isinstance(left, int) and isinstance(right, int):
        _judge_bits(left.bit_length() + right.bit_length())
    elif isinstance(right, int):
        _judge_repetition(_length(left), right)
    elif isinstance(left, int):
        _judge_repetition(_length(right), left)


def _judge_bits(bits: int) -> None:
    if bits > MAX_INTEGER_BITS:
        raise TooLargeError("the number would have more than 15,000 digits")


def _judge_repetition(length: int, times: int) -> None:
    if length * times > MAX_SIZE:
        raise TooLargeError("* would build more than 1,000,000 elements")


def _length(value: object) -> int:
    return len(value) if isinstance(value, str | list | tuple) else 0
