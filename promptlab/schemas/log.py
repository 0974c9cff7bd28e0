"""What the run log is told of a run, and what it tells."""

from collections.abc import Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.run import RunStatus
from promptlab.schemas.throttle import ThrottleCourse

PLAYGROUND = "promptlab.playground"  # among what a run was made with: it tried a prompt on one row

type LoggedStatus = RunStatus | Literal["running"]
type FileKind = Literal["pipeline", "prompt", "include", "python", "data", "schema", "settings"]


@frozen
class SourceFile:
    """A file that a run was made from, as it was then; of a data file the content is its manifest."""

    path: str
    kind: FileKind
    content: bytes


@frozen(kw_only=True)
class RunStart:
    """What is known of a run before its first trial; without an `id` it is given one."""

    pipeline: str
    id: str | None = None
    path: str | None = None
    options: Mapping[str, JSON] = field(default_factory=dict)
    note: str | None = None
    git_commit: str | None = None
    git_dirty: bool | None = None
    files: tuple[SourceFile, ...] = ()
    made_with: Mapping[str, JSON] = field(default_factory=dict)


@frozen(kw_only=True)
class RunEnd:
    """How a run ended; counts and costs are the log's own. `seconds`: from the first trial's start on.

    `compared_usd`: what answers cost that belong to no trial, as they compare several.
    """

    status: LoggedStatus
    seconds: float | None = None
    reason: str | None = None
    metrics: Mapping[str, JSON] = field(default_factory=dict)
    gates: tuple[Mapping[str, JSON], ...] = ()
    throttle: Mapping[str, ThrottleCourse] = field(default_factory=dict)
    compared_usd: float | None = 0.0


@frozen(kw_only=True)
class RunRecord:
    """A run as the log has it. Costs in USD (None: unknown), times in UTC; `cells` in their order."""

    id: str
    pipeline: str
    path: str | None
    status: LoggedStatus
    started_at: datetime
    ended_at: datetime | None
    seconds: float | None
    reason: str | None
    git_commit: str | None
    git_dirty: bool | None
    version: str
    host: str
    user: str
    pid: int
    note: str | None
    options: Mapping[str, JSON]
    cells: tuple[str, ...]
    metrics: Mapping[str, JSON]
    gates: tuple[Mapping[str, JSON], ...]
    planned: int
    passed: int
    failed: int
    errored: int
    skipped: int
    left: int
    sent: int
    attempts: int
    recalled: int
    cost_usd: float | None
    spent_usd: float | None
    throttle: Mapping[str, ThrottleCourse]
    made_with: Mapping[str, JSON]
    resumed_at: datetime | None

    @property
    def is_of_playground(self) -> bool:
        """Say whether it tried an edited prompt on one row: it is the last run of nothing then."""
        return PLAYGROUND in self.made_with

    @property
    def done(self) -> int:
        return self.passed + self.failed + self.errored + self.skipped

    @property
    def pass_rate(self) -> float | None:
        """The rate that the run's end said, else that of the trials so far."""
        return rate_of(self.metrics.get("pass_rate"), passed=self.passed, judged=self.done - self.skipped)


def rate_of(said: object, *, passed: int, judged: int) -> float | None:
    if isinstance(said, int | float):
        return float(said)
    return passed / judged if judged else None


type Sender = tuple[str, str]  # the place of a step, a row's id
type Senders = Mapping[str, Sequence[Sender]]  # by fingerprint: who sends a request


@frozen(kw_only=True)
class AttemptRecord:
    """An attempt of unknown outcome: it may have been paid for, at most `reserved_usd`."""

    id: int
    run_id: str
    provider: str
    model: str
    fingerprint: str
    number: int
    reserved_usd: float | None
    sent_at: datetime
    error: str | None


@frozen(kw_only=True)
class Removal:
    """What goes, or went: `text_bytes` is about what it holds, not what the file shrinks by."""

    runs: tuple[str, ...]
    trials: int
    verdicts: int
    answers: int
    text_bytes: int
    ratings: int = 0
