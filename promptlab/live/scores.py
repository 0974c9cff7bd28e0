"""The metrics of a run while it runs, and what its gates make of them at the end."""

from dataclasses import dataclass, field

from promptlab.analysis.gates import exit_status, judge_gates
from promptlab.analysis.metrics import CellMetrics, Metrics, PlannedCell
from promptlab.engine.plan import Plan
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import GateResult


@dataclass(slots=True)
class Scores:
    """Call it with each event of a run of `plan`."""

    plan: Plan
    _metrics: Metrics = field(init=False)

    def __post_init__(self) -> None:
        planned = [
            PlannedCell(cell.name, cell.variant, self.plan.trials_of(cell)) for cell in self.plan.cells
        ]
        self._metrics = Metrics(planned, repeat=self.plan.cells[0].spec.repeat)

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self._metrics.add(event.result)

    def gates(self) -> tuple[GateResult, ...]:
        return tuple(judge_gates(self.plan.cells[0].spec.gates, self._metrics.cells()))

    def passed(self, gates: tuple[GateResult, ...]) -> bool:
        return exit_status(gates, self._metrics.total().counts) == 0

    def metrics(self) -> dict[str, float | None]:
        return dict(self._metrics.total().values)

    def cells(self) -> dict[str, dict[str, float | None]]:
        return {cell.cell or "": dict(cell.values) for cell in self._metrics.cells()}

    def checks(self) -> dict[str, dict[str, float | None]]:
        return {cell.cell or "": _rates(cell) for cell in self._metrics.cells()}


def _rates(cell: CellMetrics) -> dict[str, float | None]:
    return {f"{step}/{name}" if step else name: rate.rate for (step, name), rate in cell.checks.items()}
