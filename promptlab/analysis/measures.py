"""What is measured in a run: cells with their metrics, repeats, what gates ask for. Kept with the run."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from promptlab.analysis.metrics import Metrics, PlannedCell
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.metric import Metric
from promptlab.engine.plan import Plan
from promptlab.schemas.metrics import PASS_POWER, PERCENTILE
from promptlab.schemas.pipeline import PipelineSpec, Repeat

MEASURES = "measures"  # where a run keeps them among what it was made with
OWN_CODE = "python"  # what only the run itself computes


@frozen
class MeasuredCell:
    """`trials`: how many there are to be."""

    name: str
    variant: str
    trials: int
    metrics: tuple[Metric, ...] = ()

    def planned(self, trials: int) -> PlannedCell:
        formulas = tuple(
            (metric.name, metric.formula)  # type: ignore[attr-defined]
            for metric in self.metrics
            if metric.key == "value"
        )
        return PlannedCell(self.name, self.variant, trials, formulas)


@frozen
class Measures:
    """`asked`: the metrics that somebody names, of those that are computed only then."""

    cells: tuple[MeasuredCell, ...]
    repeat: Repeat
    asked: tuple[str, ...] = ()

    def metrics(self, *, whole: bool = True) -> Metrics:
        """Give what adds up the trials; not `whole`: of some trials only, so that none are missed."""
        planned = [cell.planned(cell.trials if whole else 0) for cell in self.cells]
        return Metrics(planned, repeat=self.repeat, asked=self.asked)

    def of_cell(self, name: str) -> tuple[Metric, ...]:
        """Give the metrics of a cell."""
        return next((cell.metrics for cell in self.cells if cell.name == name), ())

    def as_json(self) -> dict[str, JSON]:
        return {
            "repeat": {"count": self.repeat.count, "pass": self.repeat.passes},
            "asked": [*self.asked],
            "cells": [_cell_object(cell) for cell in self.cells],
        }


def measures_of(plan: Plan) -> Measures:
    """Give what a run of the plan measures."""
    cells = tuple(
        MeasuredCell(cell.name, cell.variant, plan.trials_of(cell), cell.spec.metrics) for cell in plan.cells
    )
    named = {name for cell in plan.cells for name in _named(cell.spec)}
    asked = sorted(name for name in named if PASS_POWER.fullmatch(name) or PERCENTILE.fullmatch(name))
    return Measures(cells, plan.cells[0].spec.repeat, tuple(asked))


def measures_from(kept: Mapping[str, Any]) -> Measures:
    """Read what a run kept; metrics of python are left out, for their code is not run again."""
    repeat = Repeat(count=kept["repeat"]["count"], **{"pass": kept["repeat"]["pass"]})
    cells = tuple(
        MeasuredCell(cell["name"], cell["variant"], cell["trials"], tuple(_metrics(cell["metrics"])))
        for cell in kept["cells"]
    )
    return Measures(cells, repeat, tuple(kept["asked"]))


def _named(spec: PipelineSpec) -> Iterator[str]:
    yield from (gate.metric for gate in spec.gates)
    for metric in spec.metrics:
        if metric.key == "value":
            yield from metric.formula.names


def _cell_object(cell: MeasuredCell) -> JSON:
    metrics = [metric.as_source() for metric in cell.metrics if metric.key != OWN_CODE]
    return {"name": cell.name, "variant": cell.variant, "trials": cell.trials, "metrics": [*metrics]}


def _metrics(sources: Iterable[JSON]) -> Iterator[Metric]:
    from promptlab.engine.metric_reading import read_metric  # noqa: PLC0415 - few runs have metrics

    return (read_metric(source) for source in sources)
