"""Gates against a base: is a metric worse than there, by more than chance? Rows are the units."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from types import MappingProxyType
from typing import Literal

from promptlab.analysis.metrics import CellMetrics
from promptlab.analysis.paired import Paired, pair
from promptlab.analysis.row_values import Side, column
from promptlab.analysis.sign_flip import holm
from promptlab.core.frozen import frozen
from promptlab.core.words import plural
from promptlab.schemas.gate import BASELINE, Gate, OtherVariant
from promptlab.schemas.report import GateResult

SHOWN_ROWS = 5
ROUNDING = 1e-9
NO_BASELINE = "a baseline belongs to a pipeline, and here is none"
NOT_HERE = "`promptlab test` and `promptlab compare` judge a base at a commit"


@frozen
class Base:
    """The rows at another side, or why there are none. `note`: what else to know of them."""

    side: Side = field(default_factory=dict)
    missing: str = ""
    note: str = ""


@frozen
class Sides:
    """What gates compare: the rows of the run itself, and of each base by what `against` says."""

    head: Side = field(default_factory=dict)
    bases: Mapping[str, Base] = field(default_factory=dict)


NO_SIDES = Sides()


@frozen(kw_only=True)
class Comparison:
    """A gate in one cell, and what its rows say. `chance`: p, adjusted for all the comparisons of a run."""

    gate: Gate
    cell: CellMetrics
    paired: Paired | None = None
    missing: str = ""
    note: str = ""
    chance: float = 1.0

    @property
    def is_held(self) -> bool:
        return self.paired is not None and self.paired.are_enough


def judge_against(
    gates: Iterable[tuple[int, Gate]], cells: Sequence[CellMetrics], sides: Sides
) -> Mapping[tuple[int, str], GateResult]:
    """Judge each gate, by its number, in each of the cells that its `variant` leaves, all tests together."""
    made = {
        (number, cell.cell or ""): _compared(gate, cell, sides)
        for number, gate in gates
        for cell in cells
        if gate.variant in (None, cell.variant, cell.cell) and not _is_base(gate, cell)
    }
    held = [key for key, comparison in made.items() if comparison.is_held]
    chances = holm([made[key].paired.chance for key in held])  # type: ignore[union-attr]
    made |= {key: replace(made[key], chance=chance) for key, chance in zip(held, chances, strict=True)}
    return MappingProxyType({key: _result(comparison) for key, comparison in made.items()})


def _is_base(gate: Gate, cell: CellMetrics) -> bool:
    """Whether it is the base itself, of a gate against another variant."""
    return isinstance(gate.against, OtherVariant) and gate.against.variant in (cell.variant, cell.cell)


def _compared(gate: Gate, cell: CellMetrics, sides: Sides) -> Comparison:
    name = cell.cell or ""
    base = _base(gate, cell, sides)
    if base.missing:
        return Comparison(gate=gate, cell=cell, missing=base.missing)
    there = column(base.side.get(_cell_there(gate, cell), {}), gate.metric)
    here = column(sides.head.get(name, {}), gate.metric)
    paired = pair(there, here, more_is_worse=gate.more_is_worse, level=1 - gate.confidence)
    return Comparison(gate=gate, cell=cell, paired=paired, note=base.note)


def _base(gate: Gate, cell: CellMetrics, sides: Sides) -> Base:
    if not isinstance(gate.against, OtherVariant):
        reason = NO_BASELINE if gate.against == BASELINE else NOT_HERE
        return sides.bases.get(gate.against or "", Base(missing=reason))
    there = _cell_there(gate, cell)
    return Base(sides.head) if there in sides.head else Base(missing=f"{there} was not run")


def _cell_there(gate: Gate, cell: CellMetrics) -> str:
    """Name the cell that is the base of a cell: the same one, or that of the other variant."""
    name, variant = cell.cell or "", cell.variant or ""
    if not isinstance(gate.against, OtherVariant):
        return name
    return gate.against.variant + name.removeprefix(variant)


def _result(comparison: Comparison) -> GateResult:
    status, reason = _verdict(comparison)
    gate, paired = comparison.gate, comparison.paired
    adjusted = {"p_adjusted": comparison.chance} if paired is not None else {}
    return GateResult(
        metric=gate.metric,
        cell=comparison.cell.cell or "",
        value=comparison.cell.values.get(gate.metric),
        status=status,
        severity=gate.severity,
        reason=f"{reason}; {comparison.note}" if comparison.note else reason,
        against=gate.against.variant if isinstance(gate.against, OtherVariant) else gate.against,
        max_drop=None if gate.more_is_worse else gate.tolerance,
        max_rise=gate.tolerance if gate.more_is_worse else None,
        confidence=gate.confidence,
        paired=paired.as_json() | adjusted if paired is not None else None,
    )


def _verdict(comparison: Comparison) -> tuple[Literal["passed", "failed", "inconclusive"], str]:
    gate, paired = comparison.gate, comparison.paired
    if comparison.missing:
        return "inconclusive", comparison.missing
    if paired is None or not paired.are_enough:
        return "inconclusive", _too_few(gate, paired)
    said = _said(gate, paired)
    if paired.fall <= gate.tolerance + ROUNDING:
        return "passed", f"{said}{_noticed(gate, paired)}"
    if comparison.chance <= 1 - gate.confidence:
        return "failed", f"{said}, p {comparison.chance:.2g}; {_rows(paired)}"
    return "inconclusive", f"{said}, as chance may do (p {comparison.chance:.2g}){_more_rows(gate, paired)}"


def _too_few(gate: Gate, paired: Paired | None) -> str:
    if paired is None:
        return f"no row has {gate.metric} here and there"
    return f"only {paired.rows:,} of {plural(paired.of, 'row')} are here and there"


def _said(gate: Gate, paired: Paired) -> str:
    worse, better = ("rose", "fell") if gate.more_is_worse else ("fell", "rose")
    change = f"{paired.base:.4g} → {paired.head:.4g}"
    if abs(paired.fall) <= ROUNDING:
        return f"{gate.metric} is {paired.head:.4g} as before, on {plural(paired.rows, 'row')}"
    between = paired.interval
    sure = f", 95 % {_span(between.low, between.high, flip=paired.fall < 0)}" if between is not None else ""
    way = worse if paired.fall > 0 else better
    return f"{gate.metric} {way} by {abs(paired.fall):.3g} ({change}{sure}) on {plural(paired.rows, 'row')}"


def _span(low: float, high: float, *, flip: bool) -> str:
    ends = (-high, -low) if flip else (low, high)
    return f"{ends[0]:.3g} to {ends[1]:.3g}"


def _noticed(gate: Gate, paired: Paired) -> str:
    if paired.detectable is None:
        return "; so few rows show no change for certain"
    change = "rise" if gate.more_is_worse else "drop"
    return f"; a {change} of {paired.detectable:.2g} would be noticed"


def _more_rows(gate: Gate, paired: Paired) -> str:
    rows = paired.rows_to_decide(1 - gate.confidence)
    return "" if rows is None else f"; some {rows:,} rows would decide"


def _rows(paired: Paired) -> str:
    shown = ", ".join(paired.fell[:SHOWN_ROWS])
    more = f" and {len(paired.fell) - SHOWN_ROWS:,} more" if len(paired.fell) > SHOWN_ROWS else ""
    return f"worse: {shown}{more}"
