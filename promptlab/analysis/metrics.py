"""Metrics of a run, for each cell and in total, from a stream of trials."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from promptlab.core.frozen import frozen
from promptlab.core.marks import Marks
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.run import TrialResult, TrialStatus, Verdict, everywhere
from promptlab.schemas.standing import Standing

type CheckKey = tuple[str | None, str]


@frozen
class PlannedCell:
    """`trials`: how many the run set out to do in the cell; those that never came are failures."""

    cell: str
    variant: str
    trials: int = 0


@frozen
class Counts:
    """Units by how they ended: trials, or rows where `repeat` says how many of their repeats must pass."""

    passed: int = 0
    failed: int = 0
    errored: int = 0
    skipped: int = 0
    left: int = 0

    @property
    def counted(self) -> int:
        return self.passed + self.failed + self.errored + self.left


@frozen
class CheckRate:
    """How often a check passed; `total` leaves out where it was skipped, `score` is the mean.

    Trials that never came count as ones in which it failed.
    """

    passed: int
    total: int
    score: float

    @property
    def rate(self) -> float:
        return self.passed / self.total


@frozen
class CellMetrics:
    """`cell` and `variant` are None in total. A value is None where nothing says it."""

    cell: str | None
    variant: str | None
    counts: Counts
    values: Mapping[str, float | None]
    checks: Mapping[CheckKey, CheckRate]


class Metrics:
    """Adds up trials as they end; keeps no trial, but a number a trial for the quantiles.

    `cost_usd` and `spent_usd` are sums; `latency_ms` is of the trials that passed or failed. Trials that were
    left or never came are failures, and errors too. `planned` gives the cells their order.
    """

    def __init__(self, planned: Iterable[PlannedCell] = (), *, repeat: Repeat | None = None) -> None:
        self._repeat = repeat or Repeat()
        self._planned = {cell.cell: cell for cell in planned}
        self._tallies = {name: _Tally(self._repeat) for name in self._planned}
        self._total = _Tally(self._repeat)

    def add(self, result: TrialResult) -> None:
        key = result.key
        if key.cell not in self._tallies:
            self._planned[key.cell] = PlannedCell(key.cell, key.variant)
            self._tallies[key.cell] = _Tally(self._repeat)
        self._tallies[key.cell].add(result)
        self._total.add(result)

    def cells(self) -> tuple[CellMetrics, ...]:
        return tuple(
            tally.metrics(name, self._planned[name].variant, self._planned[name].trials)
            for name, tally in self._tallies.items()
        )

    def total(self) -> CellMetrics:
        return self._total.metrics(None, None, sum(cell.trials for cell in self._planned.values()))


@dataclass(slots=True)
class _Mean:
    total: float = 0.0
    count: int = 0
    passed: int = 0

    def add(self, value: float, *, passed: bool = False) -> None:
        self.total += value
        self.count += 1
        self.passed += passed

    @property
    def value(self) -> float | None:
        return self.total / self.count if self.count else None


@dataclass(slots=True)
class _Sum:
    """A sum of costs; one unknown makes it unknown."""

    value: float | None = 0.0

    def add(self, value: float | None) -> None:
        self.value = None if value is None or self.value is None else self.value + value


@dataclass(slots=True)
class _Units:
    """Counts trials, or rows once they are decided; a decided row stays as it is, whatever comes after.

    `spared`: the repeats that were not needed.
    """

    repeat: Repeat
    ended: dict[TrialStatus, int] = field(default_factory=dict)
    open_rows: dict[tuple[str, int], Standing] = field(default_factory=dict)
    decided: dict[str, Marks] = field(default_factory=dict)
    spared: int = 0

    def add(self, result: TrialResult) -> None:
        if self.repeat.needed is None:
            self._count(result.status)
            return
        row = (result.key.cell, result.key.row)
        decided = self.decided.setdefault(result.key.cell, Marks())
        if decided[result.key.row]:
            self.spared -= 1
            return
        standing = self.open_rows.setdefault(row, Standing(self.repeat))
        standing.add(result.status)
        if not standing.further:
            decided[result.key.row] = 1
            self.spared += self.repeat.count - standing.made
            self._count(_status(self.open_rows.pop(row)))

    def _count(self, status: TrialStatus) -> None:
        self.ended[status] = self.ended.get(status, 0) + 1

    def counts(self, planned_trials: int) -> Counts:
        ended = dict(self.ended)
        for standing in self.open_rows.values():
            status = _status(standing, missing=self.repeat.count - standing.made)
            ended[status] = ended.get(status, 0) + 1
        size = 1 if self.repeat.needed is None else self.repeat.count
        never_came = max(0, planned_trials // size - sum(ended.values()))
        return Counts(
            passed=ended.get("passed", 0),
            failed=ended.get("failed", 0),
            errored=ended.get("errored", 0),
            skipped=ended.get("skipped", 0),
            left=ended.get("left", 0) + never_came,
        )


def _status(standing: Standing, *, missing: int = 0) -> TrialStatus:
    left: list[TrialStatus] = ["left"] * missing
    return row_status([*standing.ended.elements(), *left], standing.repeat.needed or 1)


def row_status(statuses: Sequence[TrialStatus], needed: int) -> TrialStatus:
    """Say how a row ended whose repeats ended so: passed if `needed` did, or all that were not skipped."""
    judged = [status for status in statuses if status != "skipped"]
    if not judged:
        return "skipped"
    passes = judged.count("passed")
    if passes >= needed or passes == len(judged):
        return "passed"
    if "errored" in judged:
        return "errored"
    return "left" if "left" in judged else "failed"


class _Tally:
    def __init__(self, repeat: Repeat) -> None:
        self._units = _Units(repeat)
        self._ended = 0
        self._score = _Mean()
        self._cost, self._spent = _Sum(), _Sum()
        self._latencies = array("d")
        self._named: dict[str, _Mean] = {}
        self._checks: dict[CheckKey, _Mean] = {}

    def add(self, result: TrialResult) -> None:
        self._units.add(result)
        self._ended += result.status != "left"
        self._cost.add(result.cost_usd)
        self._spent.add(result.spent_usd)
        if result.status in ("passed", "failed") and result.latency_ms is not None:
            self._latencies.append(result.latency_ms)
        score = result.score
        if score is not None:
            self._score.add(score)
        for verdict in result.all_verdicts:
            if verdict.status != "skipped":
                self._judged(verdict)

    def _judged(self, verdict: Verdict) -> None:
        key = (everywhere(verdict.step) if verdict.step else None, verdict.name)
        self._checks.setdefault(key, _Mean()).add(verdict.score, passed=verdict.status == "passed")
        if verdict.metric is not None:
            self._named.setdefault(verdict.metric, _Mean()).add(verdict.score)

    def metrics(self, cell: str | None, variant: str | None, planned: int) -> CellMetrics:
        counts = self._units.counts(planned)
        missing = max(0, planned - self._ended - self._units.spared)
        came = self._ended / (self._ended + missing) if missing else 1.0
        values = {name: _scaled(mean.value, came) for name, mean in sorted(self._named.items())}
        checks = {
            key: CheckRate(mean.passed, mean.count + missing, mean.total / (mean.count + missing))
            for key, mean in self._checks.items()
        }
        return CellMetrics(cell, variant, counts, {**values, **self._built_in(counts, came)}, checks)

    def _built_in(self, counts: Counts, came: float) -> dict[str, float | None]:
        times = sorted(self._latencies)
        return {
            "pass_rate": _share(counts.passed, counts.counted),
            "error_rate": _share(counts.errored + counts.left, counts.counted),
            "score": _scaled(self._score.value, came),
            "cost_usd": self._cost.value,
            "spent_usd": self._spent.value,
            "latency_ms": sum(times) / len(times) if times else None,
            "latency_ms.p50": quantile(times, 0.5),
            "latency_ms.p95": quantile(times, 0.95),
        }


def _scaled(mean: float | None, came: float) -> float | None:
    """Give a mean with the trials that never came as zeros; `came`: the share of those that did."""
    return None if mean is None else mean * came


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Give the value below which `share` of the sorted values lie, interpolated between neighbours."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
