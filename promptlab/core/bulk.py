"""Many rows in one statement: compiled once, its values made straight into what the driver takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from sqlalchemy import Connection, Dialect, Insert

type Process = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Bulk:
    """An INSERT of the same columns, over and over.

    SQLAlchemy works out anew for each group, row and value what here is known from the first row on: a
    third of what it takes to write a trial.
    """

    sql: str
    names: tuple[str, ...]
    processes: tuple[tuple[str, Process], ...]
    is_positional: bool

    @classmethod
    def of(cls, statement: Insert, names: Sequence[str], dialect: Dialect) -> Self:
        """Compile an INSERT of the columns called `names`."""
        compiled = statement.compile(dialect=dialect, column_keys=list(names))
        processes = {name: _process(statement, name, dialect) for name in names}
        return cls(
            sql=str(compiled),
            names=tuple(compiled.positiontup or names),
            processes=tuple((name, process) for name, process in processes.items() if process is not None),
            is_positional=bool(compiled.positiontup),
        )

    def insert(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert the rows, each with a value for every column."""
        made = [self._made(row) for row in rows]
        if self.is_positional:
            names = self.names
            connection.exec_driver_sql(self.sql, [tuple([row[name] for name in names]) for row in made])
        else:
            connection.exec_driver_sql(self.sql, made)

    def _made(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {**row, **{name: process(row[name]) for name, process in self.processes}}


def _process(statement: Insert, name: str, dialect: Dialect) -> Process | None:
    type_ = statement.table.c[name].type
    process: Process | None = type_.dialect_impl(dialect).bind_processor(dialect)
    return process
