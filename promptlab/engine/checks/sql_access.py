"""What tables and columns a statement uses, as `select::table::column`, and which are allowed."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.core.patterns import compiled, search
from promptlab.engine.check import shown

if TYPE_CHECKING:
    from sqlglot import exp

STAR = "(.*)"
_NOWHERE = "null"


@frozen
class Use:
    """A table or column that is used: by what, in which database or table (`null`: not said), its name."""

    operation: str
    where: str
    name: str

    def __str__(self) -> str:
        return f"{self.operation}::{self.where}::{self.name}"

    @property
    def readable(self) -> str:
        name = "*" if self.name == STAR else self.name
        full = name if self.where == _NOWHERE else f"{self.where}.{name}"
        return f"{shown(full)} in {'an' if self.operation[:1] in 'aeiou' else 'a'} {self.operation}"


@frozen
class Allowed:
    """What may be used: names (`orders`, `shop.orders`), or patterns of `operation::where::name`."""

    names: frozenset[str]
    patterns: tuple[str, ...]

    def holds(self, use: Use) -> bool:
        """Raises SearchTookTooLong."""
        name = ("*" if use.name == STAR else use.name).casefold()
        if name in self.names or f"{use.where.casefold()}.{name}" in self.names:
            return True
        said = str(use)
        return any(one == said or search(compiled(_whole(one)), said) for one in self.patterns)


def read_allowed(value: JSON, key: str) -> Allowed | None:
    """Read a list of what is allowed; None where there is none. Raises ValueError."""
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"`{key}` must be a list of names, or of patterns such as select::null::orders")
    patterns = tuple(str(one) for one in value if "::" in str(one))
    for pattern in patterns:
        compiled(_whole(pattern))
    return Allowed(frozenset(str(one).casefold() for one in value if one not in patterns), patterns)


def _whole(pattern: str) -> str:
    return rf"(?i)\A(?:{pattern})\Z"


def tables_of(statements: "Sequence[exp.Expr]") -> Iterator[Use]:
    """Give the tables; what a WITH names is none, but what stands in it is looked at."""
    from sqlglot import exp  # noqa: PLC0415 - an extra

    for statement in statements:
        for table in statement.find_all(exp.Table):
            if table.name and not _is_named_by_with(table):
                yield Use(_operation(table, statement), table.db or _NOWHERE, table.name)


def columns_of(statements: "Sequence[exp.Expr]") -> Iterator[Use]:
    """Give the columns with the names of their tables; those of a subquery are looked at inside it."""
    for statement in statements:
        yield from _qualified(statement)
        yield from _stars(statement)
        yield from _inserted(statement)


def _qualified(statement: "exp.Expr") -> Iterator[Use]:
    from sqlglot import exp  # noqa: PLC0415

    tables: dict[str, str] = {}
    derived = {one.alias for one in statement.find_all(exp.Subquery, exp.CTE)}
    for table in statement.find_all(exp.Table):
        if _is_named_by_with(table):
            derived.add(table.alias_or_name)
        else:
            tables[table.alias_or_name] = table.name
    for column in statement.find_all(exp.Column):
        where = tables.get(column.table, column.table)
        if not where or column.table in tables or where not in derived:
            name = STAR if isinstance(column.this, exp.Star) else column.name
            yield Use(_operation(column, statement), where or _NOWHERE, name)


def _stars(statement: "exp.Expr") -> Iterator[Use]:
    from sqlglot import exp  # noqa: PLC0415

    for star in statement.find_all(exp.Star):
        if isinstance(star.parent, exp.Select):
            yield Use(_operation(star, statement), _NOWHERE, STAR)


def _inserted(statement: "exp.Expr") -> Iterator[Use]:
    from sqlglot import exp  # noqa: PLC0415

    for insert in statement.find_all(exp.Insert):
        if isinstance(insert.this, exp.Schema):
            yield from (Use("insert", insert.this.this.name, one.name) for one in insert.this.expressions)


def _operation(node: "exp.Expr", statement: "exp.Expr") -> str:
    """Say what the innermost statement around a node does."""
    from sqlglot import exp  # noqa: PLC0415

    around = node.find_ancestor(exp.Select, exp.Insert, exp.Update, exp.Delete, exp.Merge)
    key = (around or statement).key
    return key.removesuffix("table")


def _is_named_by_with(table: "exp.Table") -> bool:
    """Say whether a table is one that a WITH around it names, and not from within that name's own query."""
    from sqlglot import exp  # noqa: PLC0415

    if table.db:
        return False
    node: exp.Expr | None = table
    while node is not None:
        around = node.args.get("with_")
        if isinstance(around, exp.With) and any(_names(one, table, around) for one in around.expressions):
            return True
        node = node.parent
    return False


def _names(query: "exp.Expr", table: "exp.Table", around: "exp.With") -> bool:
    if query.alias.casefold() != table.name.casefold():
        return False
    return bool(around.args.get("recursive")) or not _inside(table, query)


def _inside(node: "exp.Expr", other: "exp.Expr") -> bool:
    while node.parent is not None and node is not other:
        node = node.parent
    return node is other
