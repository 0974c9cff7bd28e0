"""A run as reports see it: its summary, and its trials as a stream."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.log import LoggedStatus
from promptlab.schemas.run import TrialKey, TrialResult, total
from promptlab.schemas.throttle import ThrottleCourse

UNRECORDED = "not recorded: "  # how the reason begins why a replay ended
SCHEMA_VERSION = 1
MEASURED = "$measured"  # among the metrics that the log keeps: what belongs to them

type Intervals = Mapping[str, Mapping[str, float]]


@frozen(kw_only=True)
class Calls:
    """`sent`: requests that left, each once; `attempts`: what they took; `recalled`: not sent."""

    sent: int = 0
    attempts: int = 0
    recalled: int = 0


@frozen(kw_only=True)
class GateResult:
    """How a gate did in one cell. `value` None: there was nothing to measure.

    `against`: a base, from which the metric may differ by `max_drop` or `max_rise`; `paired`: what the rows
    say that are here and there.
    """

    metric: str
    cell: str
    value: float | None
    status: Literal["passed", "failed", "inconclusive"]
    min: float | None = None
    max: float | None = None
    severity: Literal["error", "warn"] = "error"
    reason: str = ""
    against: str | None = None
    max_drop: float | None = None
    max_rise: float | None = None
    confidence: float | None = None
    paired: Mapping[str, JSON] | None = None

    @property
    def bounds(self) -> str:
        """The condition in words: `at least 0.9 and at most 1`, `no drop above 0.02 against main`."""
        if self.against is not None:
            change, most = ("drop", self.max_drop) if self.max_rise is None else ("rise", self.max_rise)
            return f"no {change}{f' above {most:g}' if most else ''} against {self.against}"
        words = (("at least", self.min), ("at most", self.max))
        return " and ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)

    def as_json(self) -> dict[str, JSON]:
        return {
            "metric": self.metric,
            "cell": self.cell,
            "min": self.min,
            "max": self.max,
            "value": self.value,
            "status": self.status,
            "severity": self.severity,
            "reason": self.reason,
            **(self._comparison() if self.against is not None else {}),
        }

    def _comparison(self) -> dict[str, JSON]:
        return {
            "against": self.against,
            "max_drop": self.max_drop,
            "max_rise": self.max_rise,
            "confidence": self.confidence,
            "paired": dict(self.paired) if self.paired is not None else None,
        }


@frozen(kw_only=True)
class Unrecorded:
    """A call for which there is no recording; `step` is "" of what a check asks a model.

    `nearest`: the recording of a request that is most like this one, by path, and the unified `difference`
    of the two, as people read requests; both are looked up for the first few only.
    """

    trial: TrialKey | None
    step: str
    model: str
    request: Mapping[str, JSON]
    nearest: str | None = None
    difference: tuple[str, ...] = ()

    def as_json(self) -> dict[str, JSON]:
        where: dict[str, JSON] = {}
        if self.trial is not None:
            key = self.trial
            where = {"row": key.row, "row_id": key.row_id, "cell": key.cell, "repeat": key.repeat}
        near: dict[str, JSON] = {}
        if self.nearest is not None:
            near = {"nearest": self.nearest, "difference": [*self.difference]}
        return {**where, "step": self.step or None, "model": self.model, **near}


@frozen(kw_only=True)
class Recorded:
    """What a run that records did to the files of the answers that it used."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0

    def as_json(self) -> dict[str, JSON]:
        return {"new": self.new, "changed": self.changed, "unchanged": self.unchanged}


@frozen
class StoodIn:
    """How often a fallback was asked in place of a model, and why the first time.

    `recalled`: it was asked before, and its recorded answers stand.
    """

    model: str
    fallback: str
    reason: str
    recalled: bool = False
    times: int = 1


@frozen(kw_only=True)
class Measured:
    """What there is to say of metrics beside their values.

    `intervals`: 95 % intervals of metrics over all trials, `{"low", "high"}`; `cell_intervals`: of each cell.
    `detail`: by cell, of each of the pipeline's own metrics its `type`, classification report and confusion
    matrix, or the `error` why it has no value. `flaky`: by cell, where rows are repeated, how many `rows`
    were judged, how many were `flaky` (some repeats passed, some did not), and the first of those.
    """

    intervals: Intervals = field(default_factory=dict)
    cell_intervals: Mapping[str, Intervals] = field(default_factory=dict)
    detail: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    flaky: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> "Measured":
        """Read what `as_json` gave."""
        names = {"intervals": "intervals", "cell_intervals": "cell_intervals", "flaky": "flaky"}
        fields = {**names, "detail": "metrics_detail"}
        return cls(**{field: kept[key] for field, key in fields.items() if key in kept})

    def as_json(self) -> dict[str, JSON]:
        return {
            "intervals": _plain(self.intervals),
            "cell_intervals": _plain(self.cell_intervals),
            "metrics_detail": _plain(self.detail),
            "flaky": _plain(self.flaky),
        }


@frozen
class Slice:
    """The metrics of some trials in one cell."""

    cell: str
    value: str
    trials: int
    metrics: Mapping[str, float | None]
    intervals: Intervals

    def as_json(self) -> dict[str, JSON]:
        return {
            "cell": self.cell,
            "value": self.value,
            "trials": self.trials,
            "metrics": dict(self.metrics),
            "intervals": _plain(self.intervals),
        }


@frozen
class Slices:
    """The metrics by the values of a column, or by tag; in order of value and cell."""

    by: str
    slices: tuple[Slice, ...]

    def as_json(self) -> dict[str, JSON]:
        return {"by": self.by, "slices": [one.as_json() for one in self.slices]}


def _plain(value: Any) -> JSON:
    """Give maps that cannot be changed as JSON."""
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    found: JSON = value
    return found


@frozen(kw_only=True)
class RunSummary:
    """The whole of a run in numbers. Money in USD (None: unknown); `seconds` from first start to last end.

    `metrics`: over all trials; `cells`: the same for each cell; `checks`: for each cell the pass rate of
    each check, by `step/name` (`name` alone for the pipeline's). `measured`: what else there is to say of
    metrics; `slices`: the metrics by a column or tag, where somebody asked.
    `unread`: trials that errored over nothing but what judges said, which is recalled. `unfit`: those that
    errored over what models answered, which a resume recalls; `anew` is the command that asks them again.
    `undecided`: rows of a stored run that its repeats do not decide by the checks of now.
    `unknown`: attempts that may have been paid for, at most `unknown_usd`, which `spent_usd` leaves out.
    `is_soft`: a model has no known ceiling of output tokens, so calls in flight may pass a limit.
    `throttle`: by model, how many calls it got at once. `unrecorded`: what a replay had no recording of;
    `recorded`: what was written as files. `stopped`: why it ended early; `stopped_by`: what ended it, None
    for a closed model; `command`: what goes on with what it left. `has_got_on`: false
    where all calls were made in vain, so that another run begins where this one did.
    """

    run_id: str
    pipeline: str
    status: LoggedStatus
    trials: Mapping[str, int]
    calls: Calls = field(default_factory=Calls)
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    cells: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    checks: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    measured: Measured = field(default_factory=Measured)
    slices: Slices | None = None
    gates: tuple[GateResult, ...] = ()
    planned: int = 0
    unread: int = 0
    unfit: int = 0
    undecided: int = 0
    cost_usd: float | None = 0.0
    spent_usd: float | None = 0.0
    seconds: float = 0.0
    unknown: int = 0
    unknown_usd: float | None = 0.0
    is_soft: bool = False
    throttle: Mapping[str, ThrottleCourse] = field(default_factory=dict)
    stood_in: tuple[StoodIn, ...] = ()
    unrecorded: tuple[Unrecorded, ...] = ()
    recorded: Recorded | None = None
    stopped: str | None = None
    stopped_by: Literal["interrupted", "limit", "fail_fast"] | None = None
    has_got_on: bool = True
    command: str | None = None
    anew: str | None = None
    exit_code: int = 0

    @property
    def told_stopped(self) -> str | None:
        """Why it ended early; where recordings lack, with the command that writes them."""
        if self.stopped is None or self.command is None or not self.stopped.startswith(UNRECORDED):
            return self.stopped
        return f"{self.stopped}; with a key, this records them: {self.command}"

    @property
    def most_spent_usd(self) -> float | None:
        """What it paid if all attempts of unknown outcome were paid for; so limits count."""
        return total((self.spent_usd, self.unknown_usd))

    def as_json(self) -> dict[str, JSON]:
        """Give the object that `run --json` prints."""
        return {
            "schema_version": SCHEMA_VERSION,
            "run_id": self.run_id or None,
            "pipeline": self.pipeline,
            "status": self.status,
            "trials": {name: self.trials.get(name, 0) for name in ("passed", "failed", "errored", "skipped")},
            "calls": {
                "sent": self.calls.sent,
                "attempts": self.calls.attempts,
                "recalled": self.calls.recalled,
            },
            "metrics": dict(self.metrics),
            "cells": {cell: dict(values) for cell, values in self.cells.items()},
            **self.measured.as_json(),
            **({"slices": self.slices.as_json()} if self.slices is not None else {}),
            "gates": [gate.as_json() for gate in self.gates],
            "cost_usd": self.cost_usd,
            "spent_usd": self.spent_usd,
            "at_risk_usd": self.unknown_usd,
            "seconds": round(self.seconds, 3),
            "throttle": {model: course.as_json() for model, course in self.throttle.items()},
            "stopped": self.stopped,
            "command": self.command if self.stopped else None,
            **({"recorded": self.recorded.as_json()} if self.recorded is not None else {}),
            **({"unrecorded": [one.as_json() for one in self.unrecorded]} if self.unrecorded else {}),
        }


def paid(most: float | None, at_risk: float | None) -> float | None:
    """Give what was paid for certain, of all that may have been."""
    return total((max(0.0, most - at_risk),)) if most is not None and at_risk is not None else None


@frozen
class Origin:
    """Where a run comes from: the file of its pipeline, and all its files as they were, by path.

    `folder`: that of the project in its repository, empty or with a slash at its end.
    """

    path: str | None = None
    folder: str = ""
    files: Callable[[], Mapping[str, bytes]] = dict


NOWHERE = Origin()


@frozen
class RunReport:
    """What a report is made of; `trials` opens the stream anew, in order of row, cell and repeat."""

    summary: RunSummary
    trials: Callable[[], Iterable[TrialResult]]
    origin: Origin = NOWHERE
