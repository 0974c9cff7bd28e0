"""Metrics of a run, for each cell and in total, from a stream of trials."""

from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import field, replace
from types import MappingProxyType

from promptlab.analysis.confusion import ClassReport
from promptlab.analysis.intervals import Interval
from promptlab.analysis.repeats import RowOutcome, flaky_rate, pass_power
from promptlab.analysis.tally import CheckKey, CheckRate, Tally
from promptlab.analysis.units import Counts
from promptlab.core.formulas import Formula
from promptlab.core.frozen import frozen
from promptlab.schemas.metrics import COUNTS, FLAKY_RATE, PASS_POWER, PERCENTILE
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.run import Sample, TrialResult

NO_SAMPLES: Mapping[str, Sample] = MappingProxyType({})


@frozen
class PlannedCell:
    """`trials`: how many the run set out to do in the cell; those that never came are failures.

    `formulas`: metrics made of others, by name, in their order.
    """

    cell: str
    variant: str
    trials: int = 0
    formulas: tuple[tuple[str, Formula], ...] = ()


@frozen
class CellMetrics:
    """`cell` and `variant` are None in total. A value is None where nothing says it.

    `classes`: the reports of metrics that are classifications; `outcomes`: of each row, where rows are
    repeated.
    """

    cell: str | None
    variant: str | None
    counts: Counts
    values: Mapping[str, float | None]
    checks: Mapping[CheckKey, CheckRate]
    intervals: Mapping[str, Interval] = field(default_factory=dict)
    classes: Mapping[str, ClassReport] = field(default_factory=dict)
    outcomes: Sequence[RowOutcome] = ()


class Metrics:
    """Adds up trials as they end; keeps no trial, but a few numbers of each.

    `cost_usd` and `spent_usd` are sums; `latency_ms` is of the trials that passed or failed. Trials that were
    left or never came are failures, and errors too. `planned` gives the cells their order. `asked`: names of
    metrics that are computed only where somebody asks, as `latency_ms.p99` and `pass^2`.
    """

    def __init__(
        self,
        planned: Iterable[PlannedCell] = (),
        *,
        repeat: Repeat | None = None,
        asked: Iterable[str] = (),
    ) -> None:
        self._repeat = repeat or Repeat()
        self._asked = sorted(set(asked))
        self._planned = {cell.cell: cell for cell in planned}
        self._tallies: dict[str, Tally] = {}
        self._whole: Tally | None = None  # of all trials, once there are several cells
        for name in self._planned:
            self._begin(name)
        self._given: dict[str, dict[str, float | None]] = {}

    def add(self, result: TrialResult, samples: Mapping[str, Sample] = NO_SAMPLES) -> None:
        """Add a trial; `samples`: what it says for metrics that are classifications."""
        key = result.key
        if key.cell not in self._tallies:
            self._planned[key.cell] = PlannedCell(key.cell, key.variant)
            self._begin(key.cell)
        self._tallies[key.cell].add(result, samples)
        if self._whole is not None:
            self._whole.add(result, samples)

    def _begin(self, cell: str) -> None:
        """Begin to add up a cell; what the first one has by then is the whole so far."""
        if len(self._tallies) == 1:
            (only,) = self._tallies.values()
            self._whole = deepcopy(only)
        self._tallies[cell] = Tally(self._repeat)

    def give(self, cell: str, values: Mapping[str, float | None]) -> None:
        """Say metrics of a cell that functions of the project made of its trials."""
        self._given.setdefault(cell, {}).update(values)

    def cells(self) -> tuple[CellMetrics, ...]:
        return tuple(
            self._metrics(tally, self._planned[name], [tally]) for name, tally in self._tallies.items()
        )

    def total(self) -> CellMetrics:
        planned = list(self._planned.values())
        trials, formulas = sum(cell.trials for cell in planned), planned[0].formulas if planned else ()
        name = planned[0].cell if len(planned) == 1 else ""
        whole = PlannedCell(name, "", trials, formulas)
        parts = list(self._tallies.values())
        tally = self._whole or (parts[0] if parts else Tally(self._repeat))
        found = self._metrics(tally, whole, parts)
        return replace(found, cell=None, variant=None)

    def _metrics(self, tally: Tally, cell: PlannedCell, parts: Sequence[Tally]) -> CellMetrics:
        """`parts`: the tallies of the cells that the tally adds up."""
        counts, reports = tally.counts(cell.trials), tally.reports(cell.trials)
        outcomes = [one for part in parts for one in part.outcomes()] if self._repeat.count > 1 else []
        values = tally.named(cell.trials)
        for name, report in reports.items():
            values |= report.values(name)
        values |= self._given.get(cell.cell, {})
        known = values | tally.built_in(counts, cell.trials)
        known |= self._of_rows(outcomes, cell.trials // self._repeat.count)
        known |= {name: self._found(name, tally, cell, outcomes) for name in self._asked if name not in known}
        known |= derived(cell.formulas, known, counts)
        intervals = tally.intervals(counts, cell.trials)
        checks = tally.checks(cell.trials)
        return CellMetrics(cell.cell, cell.variant, counts, known, checks, intervals, reports, outcomes)

    def _of_rows(self, outcomes: Sequence[RowOutcome], rows: int) -> dict[str, float | None]:
        count = self._repeat.count
        if count == 1:
            return {}
        if self._repeat.until is not None:  # rows are tried as often as it takes
            return {FLAKY_RATE: flaky_rate(outcomes)}
        never = max(0, rows - len(outcomes))
        return {
            f"pass^{count}": pass_power(outcomes, count, never=never),
            FLAKY_RATE: flaky_rate(outcomes),
        }

    def _found(
        self, name: str, tally: Tally, cell: PlannedCell, outcomes: Sequence[RowOutcome]
    ) -> float | None:
        """Compute a metric that is made only where it is asked for."""
        power, part = PASS_POWER.fullmatch(name), PERCENTILE.fullmatch(name)
        if power is not None:
            rows = cell.trials // self._repeat.count
            return pass_power(outcomes, int(power[1]), never=max(0, rows - len(outcomes)))
        return tally.percentile(part[1], int(part[2]) / 100, cell.trials) if part is not None else None


def derived(
    formulas: Iterable[tuple[str, Formula]], known: Mapping[str, float | None], counts: Counts
) -> dict[str, float | None]:
    """Compute metrics that are made of others, in their order."""
    found: dict[str, float | None] = {}
    numbers = {**{name: float(getattr(counts, attribute)) for name, attribute in COUNTS.items()}, **known}
    for name, formula in formulas:
        found[name] = numbers[name] = formula(numbers)
    return found
