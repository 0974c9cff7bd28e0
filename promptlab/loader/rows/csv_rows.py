"""Rows of CSV: comma, double quotes, a header; a cell is text."""

import csv
from collections.abc import Iterable, Iterator

from promptlab.core.display import is_secret_name, shown
from promptlab.loader.nodes import Place
from promptlab.loader.problems import Problems
from promptlab.loader.rows.record import Record
from promptlab.loader.rows.stream import LONGEST_ROW
from promptlab.loader.source_text import Position, SourceText

__all__ = ["CsvRows"]

DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}
SAVE_WITH_COMMAS = "save the file with commas between the cells"
MANY_COLUMNS = 1000
MOST_COLUMNS = 10_000
LINE_COST = 50
FATAL = ("field larger", "unexpected end", "new-line character")


class CsvRows:
    """Reads CSV strictly: the same number of cells in each row, quotes closed, no cell over 128 KiB."""

    cells_are_text = True

    def __init__(self, file: str, lines: Iterable[str], problems: Problems) -> None:
        self._file = file
        self._problems = problems
        self._raw: list[str] = []
        self._reader = csv.reader(self._kept(lines), strict=True)
        self._columns: list[str] = []
        self._header = SourceText(file, "")
        self._line = 1
        self._fatal = False

    def records(self) -> Iterator[Record]:
        header = self._next()
        if header is None or not self._take_header(header):
            return
        width = len(header)
        while not self._fatal and not self._problems.flooded:
            cells = self._next()
            if cells is None:
                continue
            if len(cells) == width:
                yield Record(self._line, dict(zip(header, cells, strict=True)))
            elif cells:
                self._refuse_width(len(cells), width)

    def place(self, record: Record, column: str | None, *, key: bool = False) -> Place | None:
        source = self._header if key else SourceText(self._file, "".join(self._raw), record.line)
        if any(map(is_secret_name, self._columns)):
            return None
        index = self._columns.index(column) if column in self._columns else 0
        return _cell_place(source, index)

    def _kept(self, lines: Iterable[str]) -> Iterator[str]:
        raw, length = self._raw, 0
        for line in lines:
            length = LINE_COST + len(line) + (length if raw else 0)
            raw.append(line)
            if length > LONGEST_ROW:
                raise csv.Error("field larger than a row may be")
            yield line

    def _next(self) -> list[str] | None:
        """The next record; None where it was refused, or at the end (then `_fatal` is set)."""
        self._raw.clear()
        self._line = self._reader.line_num + 1
        try:
            return next(self._reader)
        except StopIteration:
            self._fatal = True
        except csv.Error as error:
            self._refuse_syntax(str(error))
        return None

    def _refuse_syntax(self, heard: str) -> None:
        self._fatal = any(mark in heard for mark in FATAL)
        if "field larger" in heard:
            message, hint = (
                "a cell of more than 128 KiB",
                "shorten it, or close a quote that is open since this line",
            )
        elif "unexpected end" in heard:
            message, hint = "a quote that is never closed", 'close it with ", and write " inside a cell twice'
        elif "new-line" in heard:
            message, hint = "lines that end in CR alone", "save the file with LF or CRLF line ends"
        else:
            message, hint = "text after a closing quote", 'inside a quoted cell write " twice'
        source = SourceText(self._file, "".join(self._raw[:1]), self._line)
        self._problems.add(source, Position(self._line, 1), message, code="csv", hint=hint)

    def _refuse_width(self, found: int, expected: int) -> None:
        cells = "1 cell" if found == 1 else f"{found} cells"
        hint = (
            "quote a cell that has a comma or line break in it"
            if found > expected
            else "add the missing cells"
        )
        source = SourceText(self._file, "".join(self._raw), self._line)
        message = f"{cells} where the header has {expected}"
        self._problems.add(source, Position(self._line, 1), message, code="csv-width", hint=hint)

    def _take_header(self, header: list[str]) -> bool:
        source = self._header = SourceText(self._file, "".join(self._raw), self._line)
        errors = self._problems.errors
        if len(header) > MOST_COLUMNS:
            message, hint = f"more than {MOST_COLUMNS:,} columns", "put the data into fewer columns"
            self._problems.add(source, Position(self._line, 1), message, code="csv-header", hint=hint)
        elif len(header) <= 1:
            self._refuse_delimiter(source, header)
        if errors == self._problems.errors:
            self._check_columns(source, header)
        self._columns = header
        return errors == self._problems.errors

    def _refuse_delimiter(self, source: SourceText, header: list[str]) -> None:
        line = header[0] if header else ""
        other = next((name for mark, name in DELIMITERS.items() if mark in line), None)
        if line.startswith("sep="):
            hint = "remove this line and " + SAVE_WITH_COMMAS
            self._problems.add(
                source, Position(self._line, 1), "a sep= line of Excel", code="csv-delimiter", hint=hint
            )
        elif other is not None:
            message = f"the cells are parted by {other}, not commas"
            self._problems.add(
                source, Position(self._line, 1), message, code="csv-delimiter", hint=SAVE_WITH_COMMAS
            )
        elif not header:
            hint = "begin with a line of column names"
            self._problems.add(
                source, Position(1, 1), "the first line is empty", code="csv-header", hint=hint
            )

    def _check_columns(self, source: SourceText, header: list[str]) -> None:
        seen: set[str] = set()
        for index, name in enumerate(header):
            fault = _fault_of(name, seen)
            seen.add(name)
            if fault is not None:
                place = _cell_place(source, 0 if self._problems.full else index)
                message, hint = fault
                self._problems.add(
                    source, place.position, message, code="csv-header", hint=hint, width=place.width
                )


def _fault_of(name: str, seen: set[str]) -> tuple[str, str] | None:
    if not name.strip():
        return "a column without a name", "name it, or remove the column"
    if name != name.strip():
        return f"spaces around the column name {shown(name)}", "remove them"
    if name in seen:
        return f"the column {shown(name)} is there twice", "rename one"
    return None


def _cell_place(source: SourceText, index: int) -> Place:
    """Where a cell of a record begins (of those far behind, where the record begins)."""
    at, end = 0, 0
    index = index if index < MANY_COLUMNS else 0
    for number in range(index + 1):
        at = end + (number > 0)
        end = _cell_end(source.text, at)
    line = source.text.count("\n", 0, at)
    column = at - (source.text.rfind("\n", 0, at) + 1) + 1
    return Place(source, source.first_line + line, column, max(1, min(end - at, 60)))


def _cell_end(text: str, start: int) -> int:
    if not text.startswith('"', start):
        stops = [found for mark in ",\r\n" if (found := text.find(mark, start)) >= 0]
        return min(stops, default=len(text))
    at = start + 1
    while (closing := text.find('"', at)) >= 0 and text.startswith('"', closing + 1):
        at = closing + 2
    return closing + 1 if closing >= 0 else len(text)
