"""`is-sql` and `contains-sql`, with a dialect and what may be used as value if wanted."""

import re
from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Final

from promptlab.core.extras import Extra
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.core.patterns import SearchTookTooLong
from promptlab.core.suggest import did_you_mean
from promptlab.engine.check import CannotJudge, Finding, OptionalValueCheck, Subject, shown
from promptlab.engine.checks.bounded_sql import CannotParse, NotSql, read_sql
from promptlab.engine.checks.sql_access import Allowed, columns_of, read_allowed, tables_of

if TYPE_CHECKING:
    from sqlglot import exp

_NAMES = """
athena bigquery clickhouse databricks duckdb hive mysql oracle postgres presto redshift snowflake spark sqlite
teradata trino tsql
"""
DIALECTS: Final = {
    **{name: name for name in _NAMES.split()},
    "mariadb": "mysql",
    "postgresql": "postgres",
    "sqlserver": "tsql",
    "transactsql": "tsql",
}
_FENCED = re.compile(r"```[^\S\n]*\w*(.*?)```", re.DOTALL)
_MOST_BLOCKS = 5
_KEYS = frozenset(("databaseType", "allowedTables", "allowedColumns"))
_FORMS = "must be a map of `databaseType`, `allowedTables` and `allowedColumns`, or of some of them"


@frozen
class Wanted:
    dialect: str | None = None
    tables: Allowed | None = None
    columns: Allowed | None = None


class _SqlCheck(OptionalValueCheck):
    requires: ClassVar[Extra | None] = "sql"

    @classmethod
    def parse(cls, value: JSON) -> Wanted:
        if value is None:
            return Wanted()
        if not isinstance(value, dict) or not value.keys() <= {
            "databaseType",
            "allowedTables",
            "allowedColumns",
        }:
            raise ValueError(_FORMS)
        return Wanted(
            _read_dialect(value.get("databaseType")),
            read_allowed(value.get("allowedTables"), "allowedTables"),
            read_allowed(value.get("allowedColumns"), "allowedColumns"),
        )

    def compare(self, value: Any, subject: Subject) -> Finding:
        try:
            return self.look(value, subject)
        except (CannotParse, SearchTookTooLong) as error:
            raise CannotJudge(str(error)) from None

    @abstractmethod
    def look(self, wanted: Wanted, subject: Subject) -> Finding: ...


class IsSql(_SqlCheck):
    """The whole text is SQL, one statement or several.

    The value, if there is one, is a map. `databaseType` says whose SQL it is (`MySQL`, `Postgresql`,
    `Sqlite`, `BigQuery`, `Snowflake`, `TransactSQL` …); without it, what the databases have in common and
    much of what some of them add. `allowedTables` lists the tables that may be used, by name (`orders`,
    `shop.orders`) or by a pattern of `operation::database::table` (`(select|insert)::null::orders`; `null`
    where none is said). `allowedColumns` lists columns, by name (`total`, `orders.total`) or by
    `operation::table::column`; `*` stands for all columns. Aliases are followed, what a WITH names is no
    table.

    It is about syntax alone: whether tables and functions are there is not known. A bare value or name is
    no SQL. Statements that the parser does not know fail; more than 3,000 words and signs are an error.
    """

    def look(self, wanted: Wanted, subject: Subject) -> Finding:
        try:
            fault = _fault(wanted, subject.once(read_sql, wanted.dialect))
        except NotSql as error:
            return Finding.of(passed=False, reason=f"is not SQL: {error}")
        return Finding.of(passed=fault is None, reason="is SQL" if fault is None else f"is SQL that {fault}")


class ContainsSql(_SqlCheck):
    """A fenced block of the text (three backticks) is SQL, or the whole text is.

    The value is that of `is-sql`; with it, one block that fits. At most the first five blocks are looked at.
    """

    def look(self, wanted: Wanted, subject: Subject) -> Finding:
        fenced = zip(range(_MOST_BLOCKS), _FENCED.finditer(subject.text), strict=False)
        blocks = [match[1] for _, match in fenced]
        reason = "contains no SQL"
        for block in blocks or [None]:
            try:
                fault = _fault(wanted, _read(subject, block, wanted.dialect))
            except NotSql as error:
                reason = f"contains no SQL: {error}" if len(blocks) <= 1 else reason
                continue
            if fault is None:
                return Finding.of(passed=True, reason="contains SQL")
            reason = f"contains SQL that {fault}"
        return Finding.of(passed=False, reason=reason)


def _read_dialect(name: JSON) -> str | None:
    if name is None:
        return None
    plain = str(name).casefold().replace(" ", "").replace("-", "")
    if plain not in DIALECTS:
        raise ValueError(
            f"unknown `databaseType` {shown(name)}; {did_you_mean(plain, DIALECTS)}".removesuffix("; ")
        )
    return DIALECTS[plain]


def _read(subject: Subject, block: str | None, dialect: str | None) -> "list[exp.Expr]":
    """Read a block of a text, or the whole of it. Raises NotSql, CannotParse."""
    return subject.once(read_sql, dialect) if block is None else read_sql(block, dialect)


def _fault(wanted: Wanted, statements: "list[exp.Expr]") -> str | None:
    """Say what statements use that they may not, or None. Raises SearchTookTooLong."""
    for allowed, uses, noun in (
        (wanted.tables, tables_of(statements), "table"),
        (wanted.columns, columns_of(statements), "column"),
    ):
        use = next((use for use in uses if not allowed.holds(use)), None) if allowed is not None else None
        if use is not None:
            return f"uses the {noun} {use.readable}, which is not allowed"
    return None
