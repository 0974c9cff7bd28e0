"""Holds two sides against each other, wherever their trials come from."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from promptlab.analysis.comparing import CellPair, cell_pairs, compare_cells, flip_order
from promptlab.analysis.comparison import ComparedSide, Comparison
from promptlab.analysis.row_values import Side
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text
from promptlab.core.word_diff import Piece, word_diff
from promptlab.schemas.compared import CheckChange, Ended, TrialName
from promptlab.schemas.flip import Flip
from promptlab.schemas.reason import reason_of
from promptlab.schemas.run import TrialResult

if TYPE_CHECKING:
    from promptlab.loader.check_changes import CheckSources

type Whole = Callable[[Collection[TrialName]], Mapping[TrialName, TrialResult]]


@frozen(kw_only=True)
class Compared:
    """A side: how its trials ended, and how what its rows say and whole trials are come by.

    `lacking`: of how many of its rows an answer is not there. `sources`: reads the files that its checks
    stand in; None where they are not known.
    """

    side: ComparedSide
    read_rows: Callable[[], Side]
    ended: Mapping[TrialName, Ended]
    whole: Whole
    lacking: int = 0
    sources: "Callable[[], CheckSources | None]" = lambda: None

    @property
    def cells(self) -> list[str]:
        return list(dict.fromkeys(cell for _, cell, _ in self.ended))


def compare(
    a: Compared, b: Compared, *, variant: str | None = None, against: str | None = None, told: int = 20
) -> Comparison:
    """Compare two sides; `told`: of how many flips reason and difference are told.

    Raises UsageError where nothing can be held against each other.
    """
    pairs = matched_cells(a, b, variant=variant, against=against)
    rows = a.read_rows()
    cells = compare_cells(rows, rows if a is b else b.read_rows(), pairs)
    if not any(cell.paired for cell in cells):
        raise no_row_is_shared()
    names = paired_trials(a, b, pairs)
    moved = [(one, other) for one, other in names if a.ended[one].status != b.ended[other].status]
    moved.sort(key=lambda pair: flip_order(a.ended[pair[0]].status, b.ended[pair[1]].status))
    narrowed = variant is not None or against is not None
    return Comparison(
        a=a.side,
        b=b.side,
        cells=cells,
        only_a=() if narrowed else _others(a, [one for one, _ in pairs]),
        only_b=() if narrowed else _others(b, [other for _, other in pairs]),
        flips=tuple(_flips(a, b, moved, told)),
        told=told,
        outputs_changed=sum(a.ended[one].outputs != b.ended[other].outputs for one, other in names),
        trials=len(names),
        checks=_checks(a, b, pairs),
    )


def no_row_is_shared() -> UsageError:
    hint = "rows are paired by their ids: `$id`, else the column `id`, else a hash of the inputs"
    return UsageError("no row is at both sides", hint=hint)


def matched_cells(
    a: Compared, b: Compared, *, variant: str | None = None, against: str | None = None
) -> list[CellPair]:
    """Give the cells that are held against each other; raises UsageError where there are none."""
    pairs = cell_pairs(a.cells, b.cells, variant=variant, against=against)
    if a is b:
        pairs = [(one, other) for one, other in pairs if one != other]
    _require(pairs, a, b, variant, against)
    return pairs


def _require(
    pairs: Sequence[CellPair], a: Compared, b: Compared, variant: str | None, against: str | None
) -> None:
    if pairs:
        return
    known = sorted({name for cell in (*a.cells, *b.cells) for name in (cell, cell.partition(" ")[0])})
    for option, said in (("--variant", variant), ("--against", against)):
        if said is not None and said not in known:
            hint = f"known: {', '.join(known)}"
            raise UsageError(f"{option} {said}: neither run has such a variant or cell", hint=hint)
    hint = "say which with --variant (of B) and --against (of A)"
    there, here = ", ".join(a.cells) or "none", ", ".join(b.cells) or "none"
    raise UsageError(f"no cell is at both sides: A has {there}; B has {here}", hint=hint)


def _others(side: Compared, taken: Collection[str]) -> tuple[str, ...]:
    return tuple(cell for cell in side.cells if cell not in taken)


def paired_trials(a: Compared, b: Compared, pairs: Sequence[CellPair]) -> list[tuple[TrialName, TrialName]]:
    """Give the trials that are at both sides, in the order of B."""
    there = {other: one for one, other in pairs}
    named = (
        ((row, there[cell], repeat), (row, cell, repeat)) for row, cell, repeat in b.ended if cell in there
    )
    return [(one, other) for one, other in named if one in a.ended]


def _flips(
    a: Compared, b: Compared, moved: Sequence[tuple[TrialName, TrialName]], told: int
) -> Iterator[Flip]:
    first = moved[:told]
    before, now = a.whole([one for one, _ in first]), b.whole([other for _, other in first])
    for one, other in first:
        yield _flip(a.ended[one], b.ended[other], before.get(one), now.get(other))
    for one, other in islice(moved, told, None):
        yield _flip(a.ended[one], b.ended[other], None, None)


def _flip(was: Ended, now: Ended, before: TrialResult | None, after: TrialResult | None) -> Flip:
    flip = Flip(trial=now.key, before=was.status, after=now.status, reason="")
    if before is None or after is None:
        return flip
    reason = reason_of(after) or (f"before: {reason}" if (reason := reason_of(before)) else "")
    return replace(flip, reason=reason, diff=tuple(_diff(before.outputs, after.outputs)))


def _diff(before: JSON, after: JSON) -> list[Piece]:
    return [] if before == after else word_diff(_text(before), _text(after))


def _text(outputs: JSON) -> str:
    return "" if outputs is None else as_text(outputs)


def _checks(a: Compared, b: Compared, pairs: Sequence[CellPair]) -> tuple[CheckChange, ...]:
    from promptlab.loader.check_changes import changed_checks  # noqa: PLC0415 - it reads YAML

    before, now = a.sources(), b.sources()
    if before is None or now is None:
        return ()
    return changed_checks(before, now, {other: one for one, other in pairs})
