"""Rows of JSONL (an object a line, parted at LF) and JSON (one list of objects)."""

from collections.abc import Iterable, Iterator

from promptlab.core.json import JSON
from promptlab.loader.json_reader import add_fault, decode_json
from promptlab.loader.json_scanner import MOST_NODES, JsonFaultError, after_blanks, offset_place, scan_value
from promptlab.loader.nodes import Place, find, value_of
from promptlab.loader.problems import Problems
from promptlab.loader.rows.record import Record
from promptlab.loader.source_text import Position, SourceText

__all__ = ["JsonListRows", "JsonlRows"]

BLANKS = " \t\r\n"
LONG = 100_000
MOST_IN_FILE = 2_000_000
NO_OBJECT = "a row must be an object of columns and values"
AN_OBJECT = 'write an object: {"column": value, ...}'


class JsonlRows:
    """Reads an object a line; blank lines are fine."""

    cells_are_text = False

    def __init__(self, file: str, lines: Iterable[str], problems: Problems) -> None:
        self._file = file
        self._lines = lines
        self._problems = problems

    def records(self) -> Iterator[Record]:
        for number, line in enumerate(self._lines, start=1):
            if not line.strip(BLANKS):
                continue
            if self._problems.flooded:
                return
            value = self._value(line, number)
            if type(value) is dict:
                yield Record(number, value, line)
            elif value is not self:
                self._refuse(line, number, NO_OBJECT, AN_OBJECT)

    def place(self, record: Record, column: str | None, *, key: bool = False) -> Place | None:
        source = SourceText(self._file, str(record.raw).rstrip("\n"), record.line)
        return _place_in(source, 0, column, key=key)

    def _value(self, line: str, number: int) -> "JSON | JsonlRows":
        """The value of a line; `self` where it was refused."""
        if len(line) > LONG and _separators(line) > MOST_NODES:
            return self._refuse(line, number, "too many values in one row", "part it into several rows")
        found = decode_json(line, 0)
        if found is not None:
            rest = line[found[1] :]
            if rest == "\n" or not rest.strip(BLANKS):
                return found[0]
        source = SourceText(self._file, line.rstrip("\n"), number)
        try:
            node, end = scan_value(source, 0)
        except JsonFaultError as fault:
            add_fault(self._problems, fault)
            return self
        return self._alone(source, end, value_of(node))

    def _alone(self, source: SourceText, end: int, value: JSON) -> "JSON | JsonlRows":
        rest = source.text[end:]
        if not rest.strip(BLANKS):
            return value
        at = offset_place(source, end + len(rest) - len(rest.lstrip(BLANKS)))
        hint = "write one object a line; lines end in LF or CRLF"
        self._problems.add(source, at.position, "something after the value", code="json", hint=hint)
        return self

    def _refuse(self, line: str, number: int, message: str, hint: str) -> "JsonlRows":
        column = len(line) - len(line.lstrip(BLANKS)) + 1
        source = SourceText(self._file, line.rstrip("\n"), number)
        self._problems.add(source, Position(number, column), message, code="row", hint=hint)
        return self


class JsonListRows:
    """Reads one list of objects, element by element."""

    cells_are_text = False

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._source = SourceText(file, text)
        self._problems = problems
        self._counted = (0, 1)

    def records(self) -> Iterator[Record]:
        at = self._opened()
        while at is not None and not self._problems.flooded:
            start = at
            found = self._element(start)
            if found is None:
                return
            value, end = found
            if isinstance(value, dict):
                yield Record(self._line_of(start), value, start)
            else:
                self._refuse(start, NO_OBJECT, AN_OBJECT)
            at = self._after(end)

    def place(self, record: Record, column: str | None, *, key: bool = False) -> Place | None:
        start = record.raw if isinstance(record.raw, int) else 0
        return _place_in(self._source, start, column, key=key)

    def _line_of(self, at: int) -> int:
        """The line of an offset behind the last one asked for."""
        counted, line = self._counted
        line += self._source.text.count("\n", counted, at)
        self._counted = (at, line)
        return line

    def _opened(self) -> int | None:
        text = self._source.text
        at = after_blanks(text, 0)
        if not text.startswith("[", at):
            self._refuse(
                at, "the file must be a list of rows", "begin with [ (or name it .jsonl: an object a line)"
            )
            return None
        if _separators(text) > MOST_IN_FILE:
            self._refuse(
                at, "too many values for one JSON file", "write it as JSONL, which is read as a stream"
            )
            return None
        first = after_blanks(text, at + 1)
        return None if text.startswith("]", first) and self._ends(first + 1) else first

    def _element(self, start: int) -> tuple[JSON, int] | None:
        found = decode_json(self._source.text, start)
        if found is not None:
            return found
        try:
            node, end = scan_value(self._source, start)
        except JsonFaultError as fault:
            add_fault(self._problems, fault)
            return None
        return value_of(node), end

    def _after(self, end: int) -> int | None:
        text = self._source.text
        at = after_blanks(text, end)
        if text.startswith(",", at):
            following = after_blanks(text, at + 1)
            if not text.startswith("]", following):
                return following
            self._refuse(at, "a comma before ]", "remove the comma")
        elif text.startswith("]", at):
            self._ends(at + 1)
        else:
            self._refuse(at, "expected , or ]", "part the rows by commas and end the list with ]")
        return None

    def _ends(self, at: int) -> bool:
        rest = after_blanks(self._source.text, at)
        if rest < len(self._source.text):
            self._refuse(rest, "something after the list", "write one list of rows")
        return True

    def _refuse(self, at: int, message: str, hint: str) -> None:
        place = offset_place(self._source, at)
        self._problems.add(self._source, place.position, message, code="json", hint=hint)


def _place_in(source: SourceText, start: int, column: str | None, *, key: bool) -> Place:
    try:
        node, _ = scan_value(source, after_blanks(source.text, start))
    except JsonFaultError as fault:
        return fault.place
    key_place, value = find(node, () if column is None else (column,))[-1]
    return key_place if key else value.place


def _separators(text: str) -> int:
    return text.count(",") + text.count("[") + text.count("{")
