"""Scalars of YAML read as JSON would: true, false, null, JSON numbers; all else is the text as written."""

import json
import math
import re
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.loader.source_text import Position, SourceText

__all__ = [
    "INTEGER_RANGE",
    "NUMBER",
    "NumberOutOfRangeError",
    "ScalarSource",
    "Style",
    "number",
    "plain_value",
    "written",
]

NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "": None}
INTEGER_RANGE = (-(2**63), 2**64 - 1)
MOST_DIGITS = 20
NUMBERS_BEGIN = frozenset("-0123456789")

type Style = Literal["plain", "single", "double", "literal", "folded", "json"]


class NumberOutOfRangeError(ValueError):
    """A number that cannot be kept as it is written."""


@frozen
class ScalarSource:
    """A scalar as it stands in its file.

    `text` is what was written (without quotes and indentation), `start` where its first character of content
    stands; `exact` says that each line of `text` is a line of the file, shifted by `start`.
    """

    text: str
    style: Style
    start: Position
    exact: bool

    @property
    def ambiguous(self) -> bool:
        """Whether it was read as a number that prints differently, as ``1.10`` or ``1e3`` do."""
        if self.style != "plain" or not NUMBER.fullmatch(self.text):
            return False
        try:
            return json.dumps(number(self.text)) != self.text
        except NumberOutOfRangeError:
            return False

    def position(self, line: int, column: int = 1) -> Position:
        """Where the character at a line and column (from 1) of the text stands in the file."""
        if not self.exact:
            return self.start
        block = self.style == "literal"
        indent = self.start.column - 1 if block or line == 1 else 0
        return Position(self.start.line + line - 1, indent + column)


def plain_value(text: str) -> str | int | float | bool | None:
    """What an unquoted scalar means; raises NumberOutOfRangeError."""
    if text[:1] in NUMBERS_BEGIN:
        return number(text) if NUMBER.fullmatch(text) else LITERALS.get(text, text)
    return LITERALS.get(text, text)


def number(text: str) -> int | float:
    """A JSON number as an integer of 64 bits or a finite float; raises NumberOutOfRangeError."""
    if text.lstrip("-").isdigit():
        low, high = INTEGER_RANGE
        if len(text) > MOST_DIGITS or not low <= int(text) <= high:
            raise NumberOutOfRangeError("the integer does not fit into 64 bits")
        return int(text)
    value = float(text)
    if not math.isfinite(value):
        raise NumberOutOfRangeError("the number is too large")
    return value


def written(
    source: SourceText, start: Position, text: str | None, *, style: Style, first: int, last: int
) -> ScalarSource:
    """A scalar as it stands in its source, between two offsets; `text` is what it says if that is text."""
    if text is not None and style in {"literal", "folded"}:
        return _block(source, start.line, text, style)
    shift = 0 if style == "plain" or text is None else 1
    raw = source.text[first + shift : last - shift]
    said = raw if text is None else text
    return ScalarSource(said, style, Position(start.line, start.column + shift), exact=raw == said)


def _block(source: SourceText, header: int, text: str, style: Style) -> ScalarSource:
    lines = text.split("\n")
    first = next((index for index, content in enumerate(lines) if content.strip()), 0)
    raw = source.line(header + 1 + first) or ""
    literal = style == "literal"
    indent = len(raw) - (len(lines[first]) if literal else len(raw.lstrip(" ")))
    return ScalarSource(text, style, Position(header + 1, max(0, indent) + 1), exact=literal)
