"""What adds up the trials of a cell: counts, sums, and numbers with the rows that they are of."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import get_args

from promptlab.analysis.confusion import ClassReport, Confusion
from promptlab.analysis.intervals import Interval, draws, mean_interval, quantile, rate_interval, wilson
from promptlab.analysis.repeats import RowOutcome, row_outcomes
from promptlab.analysis.units import Counts, Units
from promptlab.core.frozen import frozen, slotted
from promptlab.core.numbers import Numbers
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.run import Sample, TrialResult, TrialStatus, Verdict, everywhere, total

STATUSES: tuple[TrialStatus, ...] = get_args(TrialStatus.__value__)

type CheckKey = tuple[str | None, str]


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


@slotted
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


@slotted
class _Sum:
    """A sum of costs; one unknown makes it unknown."""

    value: float | None = 0.0

    def add(self, value: float | None) -> None:
        self.value = total((self.value, value))


@slotted
class _Values:
    """Numbers with the rows that they are of, 12 bytes each."""

    rows: Numbers[int] = field(default_factory=lambda: Numbers("I"))
    values: Numbers[float] = field(default_factory=lambda: Numbers("d"))

    def add(self, row: int, value: float) -> None:
        self.rows.append(row)
        self.values.append(value)

    @property
    def mean(self) -> float | None:
        return sum(self.values) / len(self.values) if self.values else None

    def interval(self, came: float) -> Interval | None:
        found = mean_interval(draws(self.rows, self.values))
        return None if found is None else Interval(found.low * came, found.high * came)

    def percentile(self, share: float, came: float) -> float | None:
        """`came`: the share of the trials that came; those that did not are zeros."""
        zeros = round(len(self.values) * (1 / came - 1)) if came else 0
        return quantile([*([0.0] * zeros), *sorted(self.values)], share)


class Tally:
    def __init__(self, repeat: Repeat) -> None:
        self._repeat = repeat
        self._units = Units(repeat)
        self._ended = 0
        self._score, self._latency = _Values(), _Values()
        self._cost, self._spent = _Sum(), _Sum()
        self._rows, self._statuses = Numbers[int]("I"), Numbers[int]("b")
        self._named: dict[str, _Values] = {}
        self._checks: dict[CheckKey, _Mean] = {}
        self.confusions: dict[str, Confusion] = {}

    def add(self, result: TrialResult, samples: Mapping[str, Sample]) -> None:
        row = result.key.row
        self._units.add(result)
        self._ended += result.status != "left"
        self._rows.append(row)
        self._statuses.append(STATUSES.index(result.status))
        self._cost.add(result.cost_usd)
        self._spent.add(result.spent_usd)
        if result.status in ("passed", "failed") and result.latency_ms is not None:
            self._latency.add(row, result.latency_ms)
        score = result.score
        if score is not None:
            self._score.add(row, score)
        for verdict in result.all_verdicts:
            if verdict.status != "skipped":
                self._judged(row, verdict)
        for name, sample in samples.items():
            self.confusions.setdefault(name, Confusion()).add(sample)

    def _judged(self, row: int, verdict: Verdict) -> None:
        key = (everywhere(verdict.step) if verdict.step else None, verdict.name)
        self._checks.setdefault(key, _Mean()).add(verdict.score, passed=verdict.status == "passed")
        if verdict.metric is not None:
            self._named.setdefault(verdict.metric, _Values()).add(row, verdict.score)

    def missing(self, planned: int) -> int:
        return max(0, planned - self._ended - self._units.spared)

    def came(self, planned: int) -> float:
        """Give the share of the trials that came."""
        missing = self.missing(planned)
        return self._ended / (self._ended + missing) if missing else 1.0

    def counts(self, planned: int) -> Counts:
        return self._units.counts(planned)

    def checks(self, planned: int) -> dict[CheckKey, CheckRate]:
        missing = self.missing(planned)
        return {
            key: CheckRate(mean.passed, mean.count + missing, mean.total / (mean.count + missing))
            for key, mean in self._checks.items()
        }

    def named(self, planned: int) -> dict[str, float | None]:
        came = self.came(planned)
        return {name: _scaled(values.mean, came) for name, values in sorted(self._named.items())}

    def built_in(self, counts: Counts, planned: int) -> dict[str, float | None]:
        times = sorted(self._latency.values)
        return {
            "pass_rate": _share(counts.passed, counts.counted),
            "error_rate": _share(counts.errored + counts.left, counts.counted),
            "score": _scaled(self._score.mean, self.came(planned)),
            "cost_usd": self._cost.value,
            "spent_usd": self._spent.value,
            "latency_ms": self._latency.mean,
            "latency_ms.p50": quantile(times, 0.5),
            "latency_ms.p95": quantile(times, 0.95),
        }

    def percentile(self, name: str, share: float, planned: int) -> float | None:
        if name == "latency_ms":
            return self._latency.percentile(share, 1.0)
        values = self._named.get(name)
        return None if values is None else values.percentile(share, self.came(planned))

    def reports(self, planned: int) -> dict[str, ClassReport]:
        missing = self.missing(planned)
        return {name: confusion.report(missing) for name, confusion in self.confusions.items()}

    def outcomes(self) -> list[RowOutcome]:
        """Give what became of each row; of one cell only, for in several a row is not the same."""
        statuses = map(STATUSES.__getitem__, self._statuses)
        repeats = self._repeat.count if self._repeat.until is None else 1
        return row_outcomes(zip(self._rows, statuses, strict=True), repeats)

    def intervals(self, counts: Counts, planned: int) -> dict[str, Interval]:
        came = self.came(planned)
        means = {name: values.interval(came) for name, values in self._named.items()}
        found = {
            "pass_rate": self._rate(counts, planned, ("passed",), counts.passed),
            "error_rate": self._rate(counts, planned, ("errored", "left"), counts.errored + counts.left),
            "score": self._score.interval(came),
            "latency_ms": self._latency.interval(1.0),
            **means,
        }
        return {name: interval for name, interval in found.items() if interval is not None}

    def _rate(
        self, counts: Counts, planned: int, statuses: Sequence[TrialStatus], count: int
    ) -> Interval | None:
        if self._repeat.needed is not None:
            return wilson(count, counts.counted)
        meant = {STATUSES.index(status) for status in statuses}
        skipped = STATUSES.index("skipped")
        kept = _Values()
        for row, ended in zip(self._rows, self._statuses, strict=True):
            if ended != skipped:
                kept.add(row, float(ended in meant))
        never = max(0, planned - len(self._statuses))
        of = float("left" in statuses)
        return rate_interval(draws(kept.rows, kept.values, never=never, of=of))


def _scaled(mean: float | None, came: float) -> float | None:
    """Give a mean with the trials that never came as zeros; `came`: the share of those that did."""
    return None if mean is None else mean * came


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
