"""Gates: metrics of a run held against numbers or a base, and what that makes of the run."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal

from promptlab.analysis.metrics import CellMetrics
from promptlab.analysis.regression import NO_SIDES, Sides, judge_against
from promptlab.analysis.units import Counts
from promptlab.schemas.gate import Gate
from promptlab.schemas.report import GateResult

type GateStatus = Literal["passed", "failed", "inconclusive"]

NO_PROBLEMS: Mapping[tuple[str, str], str] = MappingProxyType({})
NOTHING_RUN = Counts()
ROUNDING = 1e-9


def judge_gates(
    gates: Iterable[Gate],
    cells: Sequence[CellMetrics],
    problems: Mapping[tuple[str, str], str] = NO_PROBLEMS,
    sides: Sides = NO_SIDES,
) -> list[GateResult]:
    """Judge each gate in each cell that its `variant` leaves.

    A gate for cells that were not run is inconclusive, its `cell` what it asked for. `problems`: why a
    metric of a cell has no value. `sides`: the rows that gates against a base compare.
    """
    numbered = list(enumerate(gates))
    against = judge_against([(n, gate) for n, gate in numbered if gate.against is not None], cells, sides)
    results: list[GateResult] = []
    for number, gate in numbered:
        wanted = [cell for cell in cells if gate.variant in (None, cell.variant, cell.cell)]
        if gate.against is not None:
            results.extend(result for (at, _), result in against.items() if at == number)
        else:
            results.extend(_judged(gate, cell, problems) for cell in wanted)
        if not wanted:
            reason = f"'{gate.variant}' was not run" if gate.variant is not None else "nothing was run"
            results.append(_result(gate, None, None, "inconclusive", reason))
    return results


def _judged(gate: Gate, cell: CellMetrics, problems: Mapping[tuple[str, str], str]) -> GateResult:
    value = cell.values.get(gate.metric)
    if cell.counts == NOTHING_RUN:
        return _result(gate, cell, None, "inconclusive", "no trial of this cell was to be run")
    if value is None:
        problem = problems.get((cell.cell or "", gate.metric.partition(".")[0]))
        return _result(gate, cell, None, "failed", problem or _nothing_says(gate.metric))
    if gate.min is not None and value < gate.min - ROUNDING:
        return _result(gate, cell, value, "failed", f"{gate.metric} {value:.6g} is below {gate.min:g}")
    if gate.max is not None and value > gate.max + ROUNDING:
        return _result(gate, cell, value, "failed", f"{gate.metric} {value:.6g} is above {gate.max:g}")
    return _result(gate, cell, value, "passed", f"{gate.metric} is {value:.6g}")


def _nothing_says(metric: str) -> str:
    if metric in ("cost_usd", "spent_usd"):
        return f"{metric} is unknown; give the model a price under `prices` in promptlab.yaml"
    return f"nothing says what {metric} is: no trial or check that counts for it"


def _result(
    gate: Gate, cell: CellMetrics | None, value: float | None, status: GateStatus, reason: str
) -> GateResult:
    return GateResult(
        metric=gate.metric,
        cell=(cell.cell if cell is not None else gate.variant) or "",
        min=gate.min,
        max=gate.max,
        value=value,
        status=status,
        severity=gate.severity,
        reason=reason,
    )


def exit_status(gates: Sequence[GateResult], counts: Counts) -> Literal[0, 1]:
    """Give 1 where a gate of severity error failed; without, where a unit failed, errored or is left."""
    if gates:
        return 1 if any(gate.status == "failed" and gate.severity == "error" for gate in gates) else 0
    return 1 if counts.failed or counts.errored or counts.left else 0
