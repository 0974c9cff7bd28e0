"""Rows of Parquet, read by a process of its own; a row's line is its number, from 1."""

import io
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, BinaryIO, cast

from promptlab.core.display import is_secret_name, shown
from promptlab.core.extras import install_command, is_installed, needs
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, plain
from promptlab.loader.files import ProjectFiles
from promptlab.loader.json_reader import decode_json
from promptlab.loader.json_scanner import JsonFaultError, scan_json
from promptlab.loader.nodes import Place, value_of
from promptlab.loader.problems import Problems
from promptlab.loader.rows.record import Record
from promptlab.loader.rows.stream import LONGEST_ROW, hashed
from promptlab.loader.source_text import Position, Snippet, SourceText, snippet_of
from promptlab.loader.sources import FileError

__all__ = ["ParquetRows", "parquet_lines"]

PROGRAM = "promptlab.loader.rows.parquet_process"
KEPT_VARIABLES = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
SETTINGS = {"POLARS_ROW_GROUP_PREFETCH_SIZE": "1", "RUST_BACKTRACE": "0"}
CAST = "cast it when you write the file, as pl.col(…).cast(pl.String)"
DAMAGED = "write the file anew, or write the rows as JSONL"
LONGEST_REASON = 200
GONE = "the process that reads it ended"
REFUSED = object()


class ParquetRows:
    """Reads what the Parquet process writes; as strict as JSONL about what JSON can say."""

    cells_are_text = False

    def __init__(self, file: str, lines: Iterator[str], problems: Problems) -> None:
        self._file = file
        self._lines = lines
        self._problems = problems
        self._columns: list[str] = []
        self._expected = 0

    def records(self) -> Iterator[Record]:
        if not self._take_schema():
            return
        for number, line in enumerate(self._lines, start=1):
            if line.startswith("["):
                self._end(json.loads(line), number - 1)
                return
            if self._problems.flooded:
                return
            values = self._values(line, number)
            if values is not None:
                yield Record(number, values)
        self._break(GONE)

    def place(self, record: Record, column: str | None, *, key: bool = False) -> Place | None:
        if column is not None and is_secret_name(column):
            return None
        value = "" if key or column is None else f" = {plain(record.values.get(column))}"
        return self._place(record.line, column, f"{column}{value}")

    def _place(self, row: int, column: str | None, text: str) -> Place:
        number = self._columns.index(column) + 1 if column in self._columns else 1
        return Place(_Cell(self._file, "" if column is None else text, row), row, number, len(text))

    def _take_schema(self) -> bool:
        first = next(self._lines, "")
        kind, *rest = json.loads(first) if first.startswith("[") else ("gone",)
        if kind != "columns":
            self._break(rest[0] if rest else GONE)
            return False
        objections, self._expected = rest
        self._columns = list(objections)
        for column, type_ in objections.items():
            if type_ is not None:
                place = self._place(1, column, f"{column}: {type_}")
                message = f"the column {shown(column)} has the type {type_}, which JSON does not have"
                self._problems.add(
                    place.source, place.position, message, code="parquet-type", hint=CAST, width=place.width
                )
        return not any(objections.values())

    def _end(self, frame: list[Any], rows: int) -> None:
        if frame[0] == "broken":
            self._break(frame[1])
        elif rows != self._expected:
            self._break(f"it should have {self._expected:,} rows, but has {rows:,}")

    def _break(self, reason: str) -> None:
        message = f"the Parquet file cannot be read: {reason[:LONGEST_REASON]}"
        self._problems.add(self._file, Position(1, 1), message, code="parquet", hint=DAMAGED)

    def _values(self, line: str, number: int) -> dict[str, JSON] | None:
        """A row's values; None where one of them was refused."""
        found = decode_json(line, 0)
        if found is not None:
            return cast("dict[str, JSON]", found[0])
        read = json.loads(line)
        values = {column: self._strict(column, value, number) for column, value in read.items()}
        return None if REFUSED in values.values() else cast("dict[str, JSON]", values)

    def _strict(self, column: str, value: JSON, number: int) -> object:
        try:
            return value_of(scan_json(SourceText("", json.dumps(value, ensure_ascii=False))))
        except JsonFaultError as fault:
            place = self._place(number, column, column)
            message = f"{shown(column)}: {fault}"
            self._problems.add(place.source, place.position, message, code=fault.code, hint=fault.hint)
            return REFUSED


@frozen(slots=False)
class _Cell(SourceText):
    """One cell, as a problem shows it."""

    def snippet(self, position: Position, width: int = 1) -> Snippet | None:
        del position
        return snippet_of(self.text, 1, width) if self.text else None


@contextmanager
def parquet_lines(files: ProjectFiles, path: str, *, known: str | None = None) -> Iterator[Iterator[str]]:
    """What the Parquet process says of a file, which is hashed and recorded.

    Raises FileError, also where the file is not what it was: `known` is its SHA-256 then.
    """
    if not is_installed("parquet"):
        raise FileError(needs(shown(path), "parquet"), code="extra", hint=install_command("parquet"))
    with files.open(path) as stream, _on_disk(stream) as file:
        files.record(hashed(files, path, file, known=known))
        file.seek(0)
        command = (sys.executable, "-I", "-m", PROGRAM)
        process = subprocess.Popen(
            command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=_environment()
        )
        with process:
            try:
                yield _lines(path, cast("IO[bytes]", process.stdout))
            finally:
                process.kill()


def _lines(path: str, stdout: IO[bytes]) -> Iterator[str]:
    while (line := stdout.readline(LONGEST_ROW + 1)).endswith(b"\n"):
        yield line.decode("utf-8", "surrogatepass")
    if len(line) > LONGEST_ROW:
        raise FileError(f"{shown(path)} has a row of more than 10 MB", code="too-large")


def _environment() -> dict[str, str]:
    return SETTINGS | {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}


@contextmanager
def _on_disk(stream: BinaryIO) -> Iterator[BinaryIO]:
    """A stream as a file that another process can read."""
    try:
        stream.fileno()
        yield stream
    except io.UnsupportedOperation:
        with tempfile.TemporaryFile() as file:
            file.write(stream.read())
            file.seek(0)
            yield file
