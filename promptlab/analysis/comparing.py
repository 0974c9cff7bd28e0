"""Two sides held against each other cell by cell: rows are paired by id, chance is said for each metric."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from promptlab.analysis.intervals import Interval
from promptlab.analysis.paired import RowValues, pair
from promptlab.analysis.row_values import CellRows, Side, column
from promptlab.analysis.sign_flip import holm
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.metrics import OF_ROWS, WORSE_BY_RISING
from promptlab.schemas.run import TrialStatus

ORDER = {name: place for place, name in enumerate(OF_ROWS)}

type CellPair = tuple[str, str]  # the cell of A, and that of B which is held against it


@frozen(kw_only=True)
class Difference:
    """A metric over the rows that are at both sides: its means, and what B has more, with 95 %.

    `p`: two-sided, of "B is as A"; `adjusted`: by Holm's rule over all metrics and cells in which a row
    moved. `moved`: how many rows did.
    """

    metric: str
    a: float
    b: float
    rows: int
    moved: int
    interval: Interval | None
    p: float
    adjusted: float

    @property
    def difference(self) -> float:
        return self.b - self.a

    @property
    def is_worse(self) -> bool:
        return self.difference > 0 if self.metric in WORSE_BY_RISING else self.difference < 0

    def as_json(self) -> dict[str, JSON]:
        return {
            "metric": self.metric,
            "a": self.a,
            "b": self.b,
            "difference": self.difference,
            "interval": {**self.interval.as_json()} if self.interval is not None else None,
            "p": self.p,
            "p_adjusted": self.adjusted,
            "rows": self.rows,
            "moved": self.moved,
        }


@frozen(kw_only=True)
class CellComparison:
    """A cell of A beside one of B. `paired`: how many rows both have; `only_a`, `only_b`: ids of others."""

    a: str
    b: str
    differences: tuple[Difference, ...]
    paired: int
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.b if self.a == self.b else f"{self.a} → {self.b}"

    def as_json(self) -> dict[str, JSON]:
        return {
            "a": self.a,
            "b": self.b,
            "metrics": [one.as_json() for one in self.differences],
            "rows": {"paired": self.paired, "only_a": [*self.only_a], "only_b": [*self.only_b]},
        }


def cell_pairs(
    a: Sequence[str], b: Sequence[str], *, variant: str | None = None, against: str | None = None
) -> list[CellPair]:
    """Say which cells are held against each other: of the same name, else the only ones of each side.

    `variant`: only these cells of B (and of A, unless `against` says which); `against`: the variant or cell
    of A that they are held against, in each cell that with the same axes.
    """
    wanted = [cell for cell in b if _is_of(cell, variant)]
    if against is not None:
        named = ((_counterpart(cell, against, a), cell) for cell in wanted)
        return [(there, cell) for there, cell in named if there is not None]
    there = [cell for cell in a if _is_of(cell, variant)]
    same = [(cell, cell) for cell in wanted if cell in there]
    return [(there[0], wanted[0])] if not same and len(there) == len(wanted) == 1 else same


def _is_of(cell: str, variant: str | None) -> bool:
    return variant in (None, cell, cell.partition(" ")[0])


def _counterpart(cell: str, against: str, cells: Collection[str]) -> str | None:
    if against in cells:
        return against
    there = against + cell.removeprefix(cell.partition(" ")[0])
    return there if there in cells else None


def compare_cells(a: Side, b: Side, pairs: Iterable[CellPair]) -> tuple[CellComparison, ...]:
    """Compare the rows of each pair of cells; all tests share one level."""
    return tuple(_adjusted([_compared(one, other, a.get(one, {}), b.get(other, {})) for one, other in pairs]))


def _compared(name_a: str, name_b: str, a: CellRows, b: CellRows) -> CellComparison:
    return CellComparison(
        a=name_a,
        b=name_b,
        differences=tuple(_differences(a, b)),
        paired=len(a.keys() & b.keys()),
        only_a=tuple(row for row in a if row not in b),
        only_b=tuple(row for row in b if row not in a),
    )


def _differences(a: CellRows, b: CellRows) -> Iterator[Difference]:
    for metric in sorted(_metrics(a) & _metrics(b), key=lambda name: (ORDER.get(name, len(ORDER)), name)):
        found = _difference(metric, column(a, metric), column(b, metric))
        if found is not None:
            yield found


def _metrics(rows: CellRows) -> set[str]:
    return {name for values in rows.values() for name in values}


def _difference(metric: str, a: RowValues, b: RowValues) -> Difference | None:
    """Test in the direction in which the rows moved; the distribution is symmetric, so both tails are twice
    the one.
    """
    shared = a.keys() & b.keys()
    has_risen = sum(b[row] - a[row] for row in shared) > 0
    paired = pair(a, b, more_is_worse=has_risen)
    if paired is None:
        return None
    between = paired.interval
    p = min(1.0, 2 * paired.chance)
    return Difference(
        metric=metric,
        a=paired.base,
        b=paired.head,
        rows=paired.rows,
        moved=len(paired.fell) + len(paired.rose),
        interval=between if has_risen or between is None else Interval(0.0 - between.high, 0.0 - between.low),
        p=p,
        adjusted=p,
    )


def _adjusted(cells: Sequence[CellComparison]) -> Iterator[CellComparison]:
    """Share one level among all tests that could find something: where no row moved, none can."""
    found = [one.p for cell in cells for one in cell.differences if one.moved]
    chances = iter(holm(found))
    for cell in cells:
        told = tuple(replace(one, adjusted=next(chances)) if one.moved else one for one in cell.differences)
        yield replace(cell, differences=told)


def flip_order(before: TrialStatus, after: TrialStatus) -> tuple[int, str, str]:
    """Give what sorts flips: those that passed and do not any more, then those that pass now, then others."""
    return (0 if before == "passed" else 1 if after == "passed" else 2), before, after
