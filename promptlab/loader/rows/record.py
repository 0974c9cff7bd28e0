"""What every format gives: records, and the place of each of their values."""

from collections.abc import Iterator
from typing import Protocol

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.loader.nodes import Place

__all__ = ["Record", "RecordReader", "RowFault"]


@slotted
class Record:
    """A row's values by column, as they were read; `line` counts from 1."""

    line: int
    values: dict[str, JSON]
    raw: object = None


class RecordReader(Protocol):
    """Reads one format; what it cannot read goes to its problems, and reading goes on where it can."""

    cells_are_text: bool

    def records(self) -> Iterator[Record]:
        """The rows in order, as a stream."""

    def place(self, record: Record, column: str | None, *, key: bool = False) -> Place | None:
        """Where a column (or its name) of the latest record stands; None where it may not be shown."""


class RowFault(Exception):
    """What is wrong with one value of a row; `column` is None for the row as a whole."""

    def __init__(
        self, message: str, *, code: str, column: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.column = column
        self.hint = hint
