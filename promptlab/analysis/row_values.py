"""What each row says of each metric: the mean over its repeats, the unit of every comparison."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING

from promptlab.core.frozen import slotted
from promptlab.schemas.metrics import OF_ROWS
from promptlab.schemas.run import TrialResult, TrialStatus

if TYPE_CHECKING:
    from promptlab.schemas.pipeline import Repeat

NOT_OF_CHECKS = frozenset(OF_ROWS) - {"score"}

type Values = Mapping[str, float]  # by metric
type CellRows = Mapping[str, Values]  # by the row's id
type Side = Mapping[str, CellRows]  # by cell


@slotted
class _Row:
    """The trials of one row in one cell: what they add up to, by metric, and how they ended."""

    sums: dict[str, tuple[float, int]] = field(default_factory=dict)
    statuses: list[TrialStatus] = field(default_factory=list)

    def add(self, status: TrialStatus, values: Iterable[tuple[str, float]]) -> None:
        self.statuses.append(status)
        for name, value in values:
            before, count = self.sums.get(name, (0.0, 0))
            self.sums[name] = before + value, count + 1


class ByRow:
    """Adds up trials as they come. Where `repeat` says how many must pass, a row passes or does not.

    A trial that errored, or was left, scores 0 in each metric of checks that others of its cell have.
    """

    def __init__(self, repeat: "Repeat | None" = None) -> None:
        self._needed = repeat.needed if repeat is not None else None
        self._cells: dict[str, dict[str, _Row]] = {}
        self._scored: dict[str, set[str]] = {}

    def add(self, result: TrialResult) -> None:
        self.count(result.key.cell, result.key.row_id, result.status, trial_values(result))

    def count(self, cell: str, row_id: str, status: TrialStatus, values: Iterable[tuple[str, float]]) -> None:
        """Add a trial by what it says of each metric."""
        values = tuple(values)
        self._cells.setdefault(cell, {}).setdefault(row_id, _Row()).add(status, values)
        self._scored.setdefault(cell, set()).update(name for name, _ in values if name not in NOT_OF_CHECKS)

    def side(self) -> Side:
        """Give the metrics of each row; a row that was skipped has none, and is left out."""
        return {
            cell: {name: values for name, row in rows.items() if (values := self._values(cell, row))}
            for cell, rows in self._cells.items()
        }

    def _values(self, cell: str, row: _Row) -> Values:
        judged = [status for status in row.statuses if status != "skipped"]
        if not judged:
            return {}
        broken = sum(status in ("errored", "left") for status in judged)
        values = {name: total / count for name, (total, count) in row.sums.items()}
        for name in self._scored[cell]:
            total, count = row.sums.get(name, (0.0, 0))
            if zeros := min(broken, len(judged) - count):
                values[name] = total / (count + zeros)
        if self._needed is not None:
            from promptlab.analysis.units import row_status  # noqa: PLC0415 - comparisons begin without

            status = row_status(row.statuses, self._needed)
            values["pass_rate"] = float(status == "passed")
            values["error_rate"] = float(status in ("errored", "left"))
        return dict(sorted(values.items()))


def trial_values(result: TrialResult) -> Iterator[tuple[str, float]]:
    """Give what one trial says of each metric; nothing where it was skipped."""
    yield from built_in(result.status, score=result.score, cost=result.cost_usd, latency=result.latency_ms)
    if result.status != "skipped":
        yield from _named(result)


def built_in(
    status: TrialStatus, *, score: float | None, cost: float | None, latency: float | None
) -> Iterator[tuple[str, float]]:
    """Give what a trial says of the metrics that every run has; cost in USD, latency in ms."""
    if status == "skipped":
        return
    yield "pass_rate", float(status == "passed")
    yield "error_rate", float(status in ("errored", "left"))
    if score is not None:
        yield "score", score
    if cost is not None and status != "left":
        yield "cost_usd", cost
    if latency is not None and status in ("passed", "failed"):
        yield "latency_ms", latency


def _named(result: TrialResult) -> Iterator[tuple[str, float]]:
    """Give the mean score of each `metric:`, whose checks may be several."""
    scores: dict[str, list[float]] = {}
    for verdict in result.all_verdicts:
        if verdict.metric is not None and verdict.status != "skipped":
            scores.setdefault(verdict.metric, []).append(verdict.score)
    yield from ((name, sum(values) / len(values)) for name, values in scores.items())


def by_row(results: Iterable[TrialResult], repeat: "Repeat | None" = None) -> Side:
    """Give what the rows of each cell say."""
    found = ByRow(repeat)
    for result in results:
        found.add(result)
    return found.side()


def column(rows: CellRows, metric: str) -> dict[str, float]:
    """Give one metric of each row that has it."""
    return {name: values[metric] for name, values in rows.items() if metric in values}
