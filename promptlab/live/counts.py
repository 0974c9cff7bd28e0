"""Counts of a run, made from its events: what progress shows and the summary says."""

from collections import Counter
from dataclasses import field, replace

from promptlab.core.frozen import slotted
from promptlab.schemas.events import (
    AttemptEnded,
    AttemptSent,
    CallRecalled,
    ConcurrencyChanged,
    Event,
    FellBack,
    ModelClosed,
    ModelPaused,
    RunStarted,
    RunStopped,
    StepFinished,
    TrialFinished,
)
from promptlab.schemas.report import StoodIn
from promptlab.schemas.run import TrialStatus, total


@slotted
class RunCounts:
    """`spent_usd`, `unknown_usd` None: some attempt's cost is unknown. Call it with each event.

    `planned`: the trials that there are to do, as far as is known: fewer once rows are decided early.
    `left`: what was not asked of all trials of a row; `compared_usd`: what of `cost_usd` was. `kept`: the
    trials among those counted that were on record before a run was resumed. `unread`: those that errored over
    nothing but what judges said; `unfit`: over what models answered.
    """

    planned: int = 0
    kept: int = 0
    trials: Counter[TrialStatus] = field(default_factory=Counter)
    sent: int = 0
    attempts: int = 0
    unread: int = 0
    unfit: int = 0
    recalled: int = 0
    in_flight: int = 0
    spent_usd: float | None = 0.0
    cost_usd: float | None = 0.0
    compared_usd: float | None = 0.0
    unknown: int = 0
    unknown_usd: float | None = 0.0
    left: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    paused: dict[str, float] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    at_once: dict[str, int] = field(default_factory=dict)
    stood_in: dict[tuple[str, str, bool], StoodIn] = field(default_factory=dict)
    stopped: RunStopped | None = None

    @property
    def done(self) -> int:
        return sum(self.trials.values())

    @property
    def has_got_on(self) -> bool:
        """Say whether a run after this one has less to do: an answer came, or a model failed for good."""
        answered = self.attempts - self.in_flight - self.failures.total()
        failed = any(not one.recalled and one.model not in self.closed for one in self.stood_in.values())
        return answered > 0 or failed or not self.attempts

    def __call__(self, event: Event) -> None:
        match event:
            case StepFinished():
                pass
            case CallRecalled():
                self.recalled += 1
            case TrialFinished(result, _, spared):
                self.trials[result.status] += 1
                self.unread += result.is_unread
                self.unfit += result.is_unfit
                self.planned -= spared
                self.cost_usd = total((self.cost_usd, result.cost_usd))
            case AttemptSent(_, number):
                self.sent += number == 1
                self.attempts += 1
                self.in_flight += 1
            case AttemptEnded():
                self._ended(event)
            case RunStarted():
                self.planned += event.planned
            case RunStopped():
                self.stopped = event
            case _:
                self._hear_of_model(event)

    def compared(self, cost_usd: float | None, *, left: int) -> None:
        """Count what was asked of all trials of a row; `left`: comparisons that were not."""
        self.cost_usd = total((self.cost_usd, cost_usd))
        self.compared_usd = total((self.compared_usd, cost_usd))
        self.left += left

    def _hear_of_model(self, event: Event) -> None:
        match event:
            case ModelPaused(model, seconds):
                self.paused[model] = seconds
            case ConcurrencyChanged(model, limit):
                self.at_once[model] = limit
            case ModelClosed(model, reason):
                self.closed[model] = reason
            case FellBack():
                self._fell_back(event)
            case _:
                pass

    def _fell_back(self, event: FellBack) -> None:
        key = event.model, event.fallback, event.recalled
        before = self.stood_in.get(key)
        first = StoodIn(event.model, event.fallback, event.reason, event.recalled)
        self.stood_in[key] = first if before is None else replace(before, times=before.times + 1)

    def _ended(self, event: AttemptEnded) -> None:
        self.in_flight -= 1
        self.paused.pop(event.model, None)
        self.spent_usd = total((self.spent_usd, event.spent_usd))
        if event.failure is not None:
            self.failures[event.failure] += 1
        if event.outcome_unknown:
            self.unknown += 1
            self.unknown_usd = total((self.unknown_usd, event.spent_usd))
