"""The metrics of a run while it runs, and what its gates make of them at the end."""

from dataclasses import field
from functools import cached_property

from promptlab.analysis.gates import exit_status, judge_gates
from promptlab.analysis.measures import measures_of
from promptlab.analysis.metrics import CellMetrics, Metrics
from promptlab.analysis.regression import NO_SIDES, Sides
from promptlab.analysis.row_values import ByRow
from promptlab.analysis.telling import detail_of
from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.plan import Plan
from promptlab.live.held import NOTHING_HELD, Held
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import GateResult


@slotted(slots=False)
class Scores:
    """Call it with each event of a run of `plan`. Once `cells` or `total` was asked for, it is final.

    `held`: what gates there are, and what they are held against.
    """

    plan: Plan
    held: Held = NOTHING_HELD
    metrics: Metrics = field(init=False)
    _problems: dict[tuple[str, str], str] = field(default_factory=dict)
    _told: dict[tuple[str, str], dict[str, JSON]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.metrics = measures_of(self.plan).metrics()
        spec = self.plan.cells[0].spec
        self._gates = spec.gates if self.held.gates is None else self.held.gates
        self._rows = ByRow(spec.repeat) if any(gate.against for gate in self._gates) else None

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self.metrics.add(event.result, event.samples)
            if self._rows is not None:
                self._rows.add(event.result)

    def fail(self, cell: str, metric: str, reason: str) -> None:
        """Say why a metric of a cell has no value."""
        self._problems[cell, metric] = reason

    def tell(self, cell: str, metric: str, **said: JSON) -> None:
        """Say what else there is to say of a metric of a cell."""
        self._told[cell, metric] = said

    @cached_property
    def cells(self) -> tuple[CellMetrics, ...]:
        return self.metrics.cells()

    @cached_property
    def total(self) -> CellMetrics:
        return self.metrics.total()

    def gates(self) -> tuple[GateResult, ...]:
        sides = Sides(self._rows.side(), self.held.bases) if self._rows is not None else NO_SIDES
        return tuple(judge_gates(self._gates, self.cells, self._problems, sides))

    def passed(self, gates: tuple[GateResult, ...]) -> bool:
        return exit_status(self.held.deciding(gates), self.total.counts) == 0

    def detail(self) -> dict[str, dict[str, dict[str, JSON]]]:
        """Give by cell and name what else there is to say of the pipeline's own metrics."""
        own = {cell.name: cell.spec.metrics for cell in self.plan.cells}
        detail = detail_of(own, self.cells, self._problems)
        told = self._told
        return {
            cell: {name: {**one, **told.get((cell, name), {})} for name, one in metrics.items()}
            for cell, metrics in detail.items()
        }
