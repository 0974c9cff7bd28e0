"""Asks of rows whether an expression holds for them: many at once, in the template process."""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from types import TracebackType
from typing import Self

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.rendering import Renderer, RenderError
from promptlab.engine.scope import Names
from promptlab.schemas.dataset import Row
from promptlab.schemas.template import Template

__all__ = ["RowFilter", "Undecided"]

HOPELESS = frozenset(("time", "limit"))


@frozen
class Undecided:
    """Why an expression has no answer; `is_hopeless`: to ask it of more rows would cost too much."""

    reason: str
    is_hopeless: bool


class RowFilter:
    """A context manager for code that is not async; the process starts with the first row that needs it."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self._renderer = Renderer()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._renderer.close())
        self._runner.__exit__(kind, error, trace)

    def holds(
        self, expression: Template, named: AbstractSet[str], rows: Sequence[Row]
    ) -> list[bool | Undecided]:
        """Whether the expression, which names `named`, holds for each row, or why that cannot be said."""
        return self._runner.run(self._holds(expression, named, rows))

    async def _holds(
        self, expression: Template, named: AbstractSet[str], rows: Sequence[Row]
    ) -> list[bool | Undecided]:
        return await asyncio.gather(*(self._one(expression, named, row) for row in rows))

    async def _one(self, expression: Template, named: AbstractSet[str], row: Row) -> bool | Undecided:
        names = _names(row, named)
        try:
            return bool(await self._renderer.render(expression, names))
        except RenderError as error:
            said = await self._said_of_all(expression, row, names) if error.kind == "undefined" else None
            return Undecided(said or error.message, error.kind in HOPELESS)

    async def _said_of_all(self, expression: Template, row: Row, names: Names) -> str | None:
        """Ask again with the names of all that the row has, so that the error can say what is known."""
        try:
            await self._renderer.render(expression, Names({**_unseen(row), **names.values}))
        except RenderError as error:
            return error.message
        return None


def _names(row: Row, named: AbstractSet[str]) -> Names:
    """What the expression sees of all that checks would see: no more than it names has to travel."""
    seen = {**row.columns, **row.inputs, "row": dict(row.columns)}
    return Names({name: seen[name] for name in named & seen.keys()})


def _unseen(row: Row) -> dict[str, JSON]:
    """Give the names that an expression could use, without their values."""
    return dict.fromkeys(name for name in (*row.inputs, *row.columns) if name.isidentifier())
