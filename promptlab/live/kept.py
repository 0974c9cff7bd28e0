"""What a resumed run does not do again: the trials that are on record, told once more from the log."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field, replace
from itertools import batched

from promptlab.core.frozen import frozen
from promptlab.core.marks import Marks
from promptlab.engine.handlers.budget import Purse
from promptlab.engine.places import place_of
from promptlab.engine.plan import Plan
from promptlab.live.counts import RunCounts
from promptlab.live.recall import OwnAnswers
from promptlab.schemas.events import Emit, Event, TrialFinished
from promptlab.schemas.run import Sample, TrialKey, TrialResult, TrialStatus
from promptlab.schemas.standing import Standing
from promptlab.services.run_log import RunLog
from promptlab.services.store import RunLock
from promptlab.services.trials import TrialService

KEPT: tuple[TrialStatus, ...] = ("passed", "failed", "skipped")
ENDED: tuple[TrialStatus, ...] = (*KEPT, "errored", "left")
TOLD_AT_ONCE = 100

type TakeSamples = Callable[[TrialResult], Awaitable[Mapping[str, Sample]]]


@frozen(kw_only=True)
class TakenOver:
    """A run that goes on: its lock, which this process holds, and what it took before.

    `unknown`: attempts that may have been paid for, at most `unknown_usd`; `used` counts them in.
    """

    run_id: str
    lock: RunLock
    used: Purse = field(default_factory=Purse)
    spent_usd: float | None = 0.0
    seconds: float = 0.0
    unknown: int = 0
    unknown_usd: float | None = 0.0

    def count_in(self, counts: RunCounts) -> None:
        """Have counts begin where the run stopped."""
        counts.spent_usd = self.spent_usd
        counts.unknown, counts.unknown_usd = self.unknown, self.unknown_usd


class KeptTrials:
    """The recorded trials of a run, told to `tell` as if they had just ended; a byte a trial is kept.

    Those that errored are not kept but run again, and told only if the run does not come to that.
    """

    def __init__(self, log: RunLog, run_id: str, plan: Plan, tell: Emit, own: OwnAnswers) -> None:
        self._log = log
        self._run_id = run_id
        self._plan = plan
        self._tell = tell
        self._own = own
        self._cells = {cell.name: index for index, cell in enumerate(plan.cells)}
        self._ended = Marks()
        self._standing, self._unit = Standing(plan.repeat), (-1, "")
        self._functions = {
            (cell.name, place)
            for cell in plan.cells
            for place, planned in cell.paths()
            if planned.step.key == "python"
        }
        self.recalled = 0

    @property
    def rest(self) -> Plan:
        """The plan without the trials that are kept; its size is that of the whole."""
        return replace(self._plan, kept=self._status)

    def __call__(self, event: Event) -> None:
        """Hear of the trials that end now."""
        if isinstance(event, TrialFinished):
            self._mark(event.result)

    async def tell(self, sample: TakeSamples) -> None:
        """Tell of the trials that are kept, with their samples; other tasks get their turn in between."""
        with self._log.reading() as session:
            found = TrialService(session).of_run(self._run_id, statuses=KEPT)
            for some in batched(found, TOLD_AT_ONCE):
                for trial in some:
                    self._keep(trial, await sample(trial))
                await asyncio.sleep(0)

    async def tell_rest(self, sample: TakeSamples) -> int:
        """Tell of those that errored before and were not run again; give how many there are."""
        count = 0
        with self._log.reading() as session:
            for trial in TrialService(session).of_run(self._run_id, statuses=("errored",)):
                if self._status(trial.key) is None:
                    self._tell(TrialFinished(trial, await sample(trial)))
                    count += 1
        return count

    def _status(self, key: TrialKey) -> TrialStatus | None:
        mark = self._ended[self._number(key)]
        return ENDED[mark - 1] if mark else None

    def _keep(self, trial: TrialResult, samples: Mapping[str, Sample]) -> None:
        self._mark(trial)
        calls = [(step.id, call) for step in trial.all_steps for call in step.calls]
        calls += [("", call) for asked in trial.asked for call in asked.calls]
        self._own.told.update(
            call.completion_id for _, call in calls if call.completion_id and not call.recalled
        )
        self.recalled += sum(
            call.recalled and not call.tool and (trial.key.cell, place_of(step)) not in self._functions
            for step, call in calls
        )
        self._tell(TrialFinished(trial, samples, self._spared(trial)))

    def _spared(self, trial: TrialResult) -> int:
        """Give how many repeats are not needed as the row is decided; its trials come in their order."""
        unit = trial.key.row, trial.key.cell
        if unit != self._unit:
            self._standing, self._unit = Standing(self._plan.repeat), unit
        self._standing.add(trial.status)
        is_decided = self._plan.is_sequential and not self._standing.further
        return self._plan.repeat.count - trial.key.repeat - 1 if is_decided else 0

    def _mark(self, trial: TrialResult) -> None:
        self._ended[self._number(trial.key)] = ENDED.index(trial.status) + 1

    def _number(self, key: TrialKey) -> int:
        return (key.row * len(self._cells) + self._cells[key.cell]) * self._plan.repeat.count + key.repeat
