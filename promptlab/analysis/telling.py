"""Metrics of cells as summaries hold them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from promptlab.analysis.gates import NO_PROBLEMS
from promptlab.analysis.metrics import CellMetrics
from promptlab.core.json import JSON
from promptlab.engine.metric import Metric
from promptlab.schemas.report import Intervals, Measured

MOST_NAMED = 20

type Values = dict[str, float | None]


def values_of(cells: Iterable[CellMetrics]) -> dict[str, Values]:
    return {cell.cell or "": dict(cell.values) for cell in cells}


def rates_of(cells: Iterable[CellMetrics]) -> dict[str, Values]:
    """Give the pass rate of each check by cell and `step/name`."""
    return {cell.cell or "": _rates(cell) for cell in cells}


def _rates(cell: CellMetrics) -> Values:
    return {f"{step}/{name}" if step else name: rate.rate for (step, name), rate in cell.checks.items()}


def measured_of(
    total: CellMetrics, cells: Sequence[CellMetrics], detail: Mapping[str, Mapping[str, Any]]
) -> Measured:
    return Measured(
        intervals=intervals_of(total),
        cell_intervals={cell.cell or "": intervals_of(cell) for cell in cells},
        detail=detail,
        flaky={cell.cell or "": _flaky(cell) for cell in cells if cell.outcomes},
    )


def detail_of(
    metrics: Mapping[str, Iterable[Metric]],
    cells: Iterable[CellMetrics],
    problems: Mapping[tuple[str, str], str] = NO_PROBLEMS,
) -> dict[str, dict[str, dict[str, JSON]]]:
    """Give by cell and name what else there is to say of the pipeline's own metrics.

    `metrics`: those of each cell; `problems`: why one has no value.
    """
    by_name = {cell.cell or "": cell for cell in cells}
    return {
        name: {metric.name: _detail(metric, by_name[name], problems) for metric in own}
        for name, own in metrics.items()
        if own and name in by_name
    }


def _detail(metric: Metric, cell: CellMetrics, problems: Mapping[tuple[str, str], str]) -> dict[str, JSON]:
    report, problem = cell.classes.get(metric.name), problems.get((cell.cell or "", metric.name))
    said = report.as_json() if report is not None else {}
    return {"type": metric.key, **said, **({} if problem is None else {"error": problem})}


def intervals_of(cell: CellMetrics) -> Intervals:
    return {name: interval.as_json() for name, interval in cell.intervals.items()}


def _flaky(cell: CellMetrics) -> dict[str, Any]:
    found = [one for one in cell.outcomes if one.is_flaky]
    first = [{"row": one.row, "passed": one.passed, "judged": one.judged} for one in found[:MOST_NAMED]]
    return {
        "rows": sum(one.judged > 0 for one in cell.outcomes),
        "flaky": len(found),
        "first": first,
    }
