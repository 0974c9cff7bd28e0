"""The text of a file as people see it: lines, a line fit to be shown, the place of a caret under it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import field
from functools import cached_property

from promptlab.core.display import MASK, cells, escaped, is_secret_name, masked
from promptlab.core.frozen import frozen

__all__ = ["Position", "Snippet", "SourceText", "snippet_of"]

WINDOW = 120
LEAD = 80
CONTEXT = 2000
LONGEST_LINE = 20_000
BLOCK_KEY = re.compile(r"\s*(?:- +)?[\"']?([\w.-]{1,64})[\"']?\s*:\s*(?:[|>][-+\d]*|&\S+)?\s*$")
PARENTS = 200


@frozen
class Position:
    """A place in a file; line and column count characters from 1."""

    line: int
    column: int

    def __lt__(self, other: "Position") -> bool:
        return (self.line, self.column) < (other.line, other.column)


@frozen
class Snippet:
    """One line fit to be shown; `caret` and `width` count terminal columns from 0."""

    text: str
    caret: int
    width: int


@frozen(slots=False)
class SourceText:
    """A file's text, with lines ended by LF; `first_line` is the number of its first line."""

    file: str
    text: str = field(repr=False)
    first_line: int = 1

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    def line(self, number: int) -> str | None:
        """The line of this number, or None beyond the text."""
        index = number - self.first_line
        return self.lines[index] if 0 <= index < len(self.lines) else None

    def without_secrets(self) -> str:
        """Give the whole text with its lines and indents; secrets are masked, very long lines cut."""
        return "\n".join(_without_secrets(self.lines))

    def snippet(self, position: Position, width: int = 1) -> Snippet | None:
        """The line at a position with what to underline, secrets masked."""
        line = self.line(position.line)
        if line is None:
            return None
        if self._below_secret(position.line - self.first_line):
            return Snippet(MASK, 0, len(MASK))
        return snippet_of(line, position.column, width)

    def _below_secret(self, index: int) -> bool:
        indent = _indent(self.lines[index])
        for above in reversed(self.lines[max(0, index - PARENTS) : index]):
            if above.strip() and _indent(above) < indent:
                indent = _indent(above)
                key = BLOCK_KEY.match(above[:CONTEXT])
                if key is not None and is_secret_name(key[1]):
                    return True
        return False


def snippet_of(line: str, column: int, width: int = 1) -> Snippet:
    """A line with its caret: windowed around the column, masked, escaped."""
    at = min(column - 1, len(line))
    cut = max(0, at - CONTEXT)
    raw = line[cut : at + CONTEXT].replace("\t", " ").rstrip("\r")
    at -= cut
    clean = masked(raw)
    if clean != raw:
        at = min(at, _common(clean, raw))
    start = max(0, at - LEAD)
    before = ("…" if start or cut else "") + escaped(clean[start:at])
    under, after = clean[at : at + max(1, width)], clean[at + max(1, width) :]
    room = max(WINDOW - (at - start), 20)
    tail = escaped(under + after)
    text = before + (tail[:room] + "…" if len(tail) > room else tail)
    return Snippet(text, cells(before), max(1, min(cells(escaped(under)), cells(text) - cells(before))))


def _without_secrets(lines: Iterable[str]) -> Iterator[str]:
    secret: int | None = None
    for line in lines:
        indent = _indent(line)
        if not line.strip():
            yield line
        elif secret is not None and indent > secret:
            yield " " * indent + MASK
        else:
            key = BLOCK_KEY.match(line[:CONTEXT])
            secret = indent if key is not None and is_secret_name(key[1]) else None
            yield masked(line[:LONGEST_LINE]) + ("…" if len(line) > LONGEST_LINE else "")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _common(left: str, right: str) -> int:
    pairs = zip(left, right, strict=False)
    return next((index for index, (a, b) in enumerate(pairs) if a != b), min(len(left), len(right)))
