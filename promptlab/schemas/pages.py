"""What is asked of the log a page at a time, and what a page holds."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.schemas.log import LoggedStatus, RunRecord
from promptlab.schemas.run import TrialResult, TrialStatus, VerdictStatus

MOST_ON_A_PAGE = 200

type Sort = Literal["row", "-row", "score", "-score", "cost", "-cost", "latency", "-latency"]


@frozen(kw_only=True)
class RunFilter:
    """Which runs. `git_commit`: the start of one; `text`: in note, pipeline, user, commit or id."""

    pipeline: str | None = None
    status: LoggedStatus | None = None
    git_commit: str | None = None
    user: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen(kw_only=True)
class RunLine:
    """A run in a list. `history`: pass rates of the pipeline's runs up to this one, the oldest first."""

    run: RunRecord
    history: tuple[float, ...]


@frozen
class RunPage:
    """`next`: the cursor of the page after it, None for the last."""

    runs: tuple[RunLine, ...]
    next: str | None


@frozen(kw_only=True)
class TrialFilter:
    """Which rows of a run: those with a trial that fits all of it, but `disagreeing`, which is the row's.

    `flipped`: it passes here and did not in the earlier run, or the reverse. `check`: failed or errored.
    `cells`: whole names or variants; the others are not shown either.
    """

    statuses: tuple[TrialStatus, ...] = ()
    flipped: bool = False
    disagreeing: bool = False
    check: str | None = None
    tag: str | None = None
    cells: tuple[str, ...] = ()
    text: str | None = None
    regex: str | None = None

    @property
    def reads_texts(self) -> bool:
        return self.text is not None or self.regex is not None


@frozen(kw_only=True)
class CheckLine:
    step: str | None
    name: str
    type: str
    status: VerdictStatus
    score: float | None
    severity: str
    reason: str


@frozen(kw_only=True)
class TrialCell:
    """A trial in a matrix. `output`: its text, cut; `before`: how it ended in the earlier run, if it did."""

    id: int
    row: int
    row_id: str
    cell: str
    cell_index: int
    repeat: int
    status: TrialStatus
    output: str | None
    is_cut: bool
    error: str | None
    score: float | None
    cost_usd: float | None
    latency_ms: float
    input_tokens: int
    output_tokens: int
    recalled: bool
    checks: tuple[CheckLine, ...]
    before: TrialStatus | None

    @property
    def place(self) -> str:
        """What names it in its run: row, cell and repeat by their numbers."""
        return f"{self.row}-{self.cell_index}-{self.repeat}"

    @property
    def flipped(self) -> bool:
        judged = {"passed", "failed", "errored"}
        known = self.before in judged and self.status in judged
        return known and (self.before == "passed") != (self.status == "passed")


@frozen(kw_only=True)
class MatrixRow:
    """`inputs`: their texts, cut."""

    row: int
    row_id: str
    inputs: Mapping[str, str]
    tags: tuple[str, ...]
    trials: tuple[TrialCell, ...]


@frozen(kw_only=True)
class MatrixPage:
    """`searched`: how many rows were looked through for a text, None where none was looked for.

    Such a page may hold fewer rows than it could, even none, and still have a `next`. `slow`: how many
    texts the regex took too long on; they count as not matching. `against`: the earlier run.
    """

    rows: tuple[MatrixRow, ...]
    next: str | None
    searched: int | None = None
    slow: int = 0
    against: str | None = None


@frozen(kw_only=True)
class MatrixCounts:
    """How many trials, and of `disagreeing` rows, each filter finds. `flipped` None: no earlier run."""

    statuses: Mapping[str, int]
    flipped: int | None
    disagreeing: int
    checks: Mapping[str, int] = field(default_factory=dict)
    tags: Mapping[str, int] = field(default_factory=dict)


@frozen(kw_only=True)
class AnswerLine:
    """An answer on record: what it was given to, and its bytes as they came. Cost and latency: then."""

    id: int
    fingerprint: str
    run_id: str
    created_at: datetime
    provider: str
    model: str
    finish_reason: str
    answered_by: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    latency_ms: float
    first_token_ms: float | None
    attempts: int


@frozen(kw_only=True)
class AttemptLine:
    """A request that was about to leave, and how it ended."""

    number: int
    fingerprint: str
    state: str
    status_code: int | None
    error_kind: str | None
    error: str | None
    spent_usd: float | None
    sent_at: datetime
    ended_at: datetime | None


@frozen(kw_only=True)
class OneTrial:
    """A trial with what it asked: answers by their ids (pruned ones are not there), attempts by fingerprint.

    `before`, `after`: the places of the trials beside it in its run. `then`: how it ended in the earlier run.
    """

    id: int
    place: str
    trial: TrialResult
    answers: Mapping[int, AnswerLine]
    attempts: Mapping[str, tuple[AttemptLine, ...]]
    before: str | None
    after: str | None
    then: TrialStatus | None = None
    against: str | None = None


@frozen(kw_only=True)
class WholeCall:
    """A request as it was recorded, and its answer: as text where it is, and what came over the wire."""

    answer: AnswerLine
    request: JSON
    text: str
    raw: str


@frozen(kw_only=True)
class Spread:
    """How many trials of each cell lie in each bin; `edges`: one more than there are bins."""

    edges: tuple[float, ...]
    counts: Mapping[str, tuple[int, ...]]


@frozen(kw_only=True)
class Distributions:
    """Of the trials of a run by cell. `one_in`: of so many rows one was looked at."""

    pass_rates: Mapping[str, float | None]
    score: Spread | None
    latency_ms: Spread | None
    cost_usd: Spread | None
    one_in: int = 1


@frozen(kw_only=True)
class MetricPoint:
    """The metrics that a run had, over all its trials and by cell, with their 95 % intervals.

    `is_whole`: its end said them; else it is counted as far as the run came, and no cell is told.
    """

    run: RunRecord
    is_whole: bool
    values: Mapping[str, float | None]
    intervals: Mapping[str, Mapping[str, float]]
    cells: Mapping[str, Mapping[str, float | None]]
    cell_intervals: Mapping[str, Mapping[str, Mapping[str, float]]]


@frozen
class MetricPage:
    """Runs, the newest first. `metrics`, `cells`: the names that there are in these; `next` as in RunPage."""

    points: tuple[MetricPoint, ...]
    metrics: tuple[str, ...]
    cells: tuple[str, ...]
    next: str | None


@frozen(kw_only=True)
class PromptUse:
    """A text of a prompt as runs used it; `digest` is its SHA-256.

    `runs`: how many; `commits`: those that they ran at, the newest last, at most so many as a page tells.
    """

    digest: str
    first: RunRecord
    last: RunRecord
    runs: int
    pipelines: tuple[str, ...]
    commits: tuple[str, ...]


@frozen
class PromptUsePage:
    """Texts of a prompt, the most recently used first; `next` as in RunPage."""

    uses: tuple[PromptUse, ...]
    next: str | None
