"""Why steps and judges were called, not recalled: a line a cause, or a line a step of a trial."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING

from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.core.display import shortened
from promptlab.core.frozen import frozen, slotted
from promptlab.core.words import plural
from promptlab.reports.why import why
from promptlab.schemas.explained import Explained
from promptlab.schemas.run import TrialKey, everywhere

if TYPE_CHECKING:
    from rich.console import Console

FEW = 5
MOST_LINES = 20
VALUE = 40
EVERYTHING = 2  # times that --explain is said
NOTHING = "nothing was called: all that was asked had its answer on record"


@slotted
class Group:
    """Steps that were called for the same reason, and the first trials of them."""

    count: int = 0
    first: list[TrialKey] = field(default_factory=list)


def show_explained(
    console: "Console", explained: Iterable[Explained], cells: Sequence[str], *, said: int
) -> None:
    """Print why steps were called; `said` more than once: each by itself."""
    named = _Named(by_cell=len(cells) > 1)
    grid = named.each(explained) if said >= EVERYTHING else named.grouped(_groups(explained))
    shown = grid.rows if said >= EVERYTHING else grid.rows[:MOST_LINES]
    if not shown:
        console.print(NOTHING)
        return
    show_grid(console, replace(grid, rows=shown))
    if len(shown) < len(grid.rows):
        console.print(f"and {len(grid.rows) - len(shown):,} more causes; --explain twice shows every call")


def _groups(explained: Iterable[Explained]) -> dict[tuple[str, str], Group]:
    groups: dict[tuple[str, str], Group] = {}
    for one in explained:
        group = groups.setdefault((everywhere(one.asked), why(one.changes)), Group())
        group.count += 1
        if len(group.first) < FEW:
            group.first.append(one.trial)
    return groups


@frozen
class _Named:
    """`by_cell`: there are several, so that a row alone says too little."""

    by_cell: bool

    def grouped(self, groups: Mapping[tuple[str, str], Group]) -> Grid:
        total = sum(group.count for group in groups.values())
        return Grid(
            header=["step", "called", "why", "rows"],
            rows=[
                [Styled(step), Styled(f"{group.count:,}"), Styled(reason), Styled(self._rows(group), "dim")]
                for (step, reason), group in groups.items()
            ],
            title=f"{plural(total, 'call')}, and why",
            right=frozenset({1}),
        )

    def each(self, explained: Iterable[Explained]) -> Grid:
        rows = [
            [Styled(self._row(one.trial)), Styled(one.asked), Styled(why(one.changes))] for one in explained
        ]
        return Grid(header=["row", "step", "why"], rows=rows)

    def _rows(self, group: Group) -> str:
        names = list(dict.fromkeys(map(self._row, group.first)))
        return ", ".join([*names, *(["…"] if group.count > len(group.first) else [])])

    def _row(self, trial: TrialKey) -> str:
        cell = f" {trial.cell}" if self.by_cell else ""
        repeat = f" #{trial.repeat + 1}" if trial.repeat else ""
        return f"{shortened(trial.row_id, VALUE)}{cell}{repeat}"
