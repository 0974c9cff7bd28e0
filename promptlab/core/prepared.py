"""Statements that are compiled once, whose values go straight to the driver and back.

SQLAlchemy works out anew for each group, row and value what here is known from the first on: a third of what
it takes to write a trial, and nine tenths of what it takes to look one answer up.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Self

from sqlalchemy import Connection, Dialect, Insert, Select, Table
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.types import TypeDecorator, TypeEngine

from promptlab.core.frozen import frozen

KEPT = 64  # statements, over all databases of a process

type Process = Callable[[Any], Any]
type Processes = Sequence[tuple[str, Process | None]]


def insert_if_new(table: Table) -> Insert:
    """Give an INSERT that leaves out rows that are there; SQLite and PostgreSQL write it alike."""
    return insert(table).on_conflict_do_nothing()


@frozen
class PreparedInsert:
    """An INSERT of the same columns, over and over."""

    sql: str
    is_positional: bool
    processes: Processes

    @classmethod
    @lru_cache(KEPT)
    def of(cls, statement: Insert, names: tuple[str, ...], dialect: Dialect) -> Self:
        """Compile an INSERT of the columns called `names`."""
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        columns = [statement.table.c[name] for name in compiled.positiontup or names]
        processes = [
            (column.key, column.type.dialect_impl(dialect).bind_processor(dialect)) for column in columns
        ]
        return cls(str(compiled), bool(compiled.positiontup), processes)

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows, each with a value for every column."""
        if self.is_positional:
            connection.exec_driver_sql(self.sql, [tuple(self._values(row)) for row in rows])
        else:
            names = [name for name, _ in self.processes]
            connection.exec_driver_sql(
                self.sql, [dict(zip(names, self._values(row), strict=True)) for row in rows]
            )

    def _values(self, row: Mapping[str, Any]) -> list[Any]:
        return [row[name] if process is None else process(row[name]) for name, process in self.processes]


@frozen
class PreparedSelect:
    """A SELECT of columns that each have a name."""

    sql: str
    positions: Sequence[str] | None
    processes: Processes

    @classmethod
    @lru_cache(KEPT)
    def of(cls, statement: Select[Any], dialect: Dialect) -> Self:
        compiled = statement.compile(dialect=dialect)
        columns = statement.selected_columns.items()
        processes = [(name, _reader(column.type, dialect)) for name, column in columns]
        return cls(str(compiled), compiled.positiontup, processes)

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Give what is found, each row by the names of its columns; raises what the driver does."""
        given = values if self.positions is None else [values[name] for name in self.positions]
        cursor = connection.connection.cursor()
        cursor.execute(self.sql, given)
        found = cursor.fetchall()
        cursor.close()
        return [self._named(row) for row in found]

    def _named(self, row: Sequence[Any]) -> dict[str, Any]:
        return {
            name: value if process is None else process(value)
            for (name, process), value in zip(self.processes, row, strict=True)
        }


def _reader(kind: TypeEngine[Any], dialect: Dialect) -> Process | None:
    """Give what reads a value of one of our own types; drivers give those of all others as they are."""
    if not isinstance(kind, TypeDecorator):
        return None
    return kind.dialect_impl(dialect).result_processor(dialect, None)
