"""Runs a plan: workers that share one source of trials, so that nothing holds the whole run in memory."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from promptlab.core.frozen import slotted
from promptlab.core.words import plural
from promptlab.engine.begun import Begun
from promptlab.engine.machinery import Machinery
from promptlab.engine.plan import Cell, Plan
from promptlab.engine.throttling.bounds import bounds
from promptlab.engine.trial import TrialRunner
from promptlab.engine.upcoming import Decision, Upcoming, upcoming
from promptlab.schemas.events import RunStarted, TrialFinished
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.run import Sample, TrialResult

MOST_WORKERS = 1000
WORKERS_WITHOUT_MODELS = 16


@slotted
class Runner:
    """`limits` gives seconds and errors.

    `fail_fast` starts no trial after one that did not pass, where rows are decided after such a row.
    """

    machinery: Machinery
    trials: TrialRunner
    begun: Begun
    limits: Limits
    max_concurrency: int | None = None
    fail_fast: bool = False

    async def run(self, plan: Plan, *, first: Callable[[], Awaitable[None]] | None = None) -> None:
        """Run every trial of the plan, or stop where the brake is pulled. Results are told as events.

        `first` is awaited between the start of the run and that of its first trial.
        """
        sources = {cell.name: cell.sources() for cell in plan.cells}
        self.machinery.emit(RunStarted(plan.pipeline, plan.size, tuple(sources), sources))
        if first is not None:
            await first()
        shared = upcoming(plan)
        timer = self._timer()
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(worker_count(plan, self.max_concurrency)):
                    group.create_task(self._work(shared))
        finally:
            if timer is not None:
                timer.cancel()

    async def _work(self, shared: Upcoming) -> None:
        while (trial := await shared.next()) is not None:
            if not await self.begun.begin(trial):
                shared.end(trial.key, "left")
                return
            result = await self.trials.run(trial)
            self.begun.end(trial.key, result.status)
            decision = shared.end(trial.key, result.status)
            if result.status != "left":
                self._finish(result, await self.samples(trial.cell, result), decision)

    async def samples(self, cell: Cell, result: TrialResult) -> Mapping[str, Sample]:
        """Give what a trial says for metrics over all trials."""
        if not cell.spec.metrics:
            return {}
        from promptlab.engine.sampling import samples_of  # noqa: PLC0415 - few pipelines have metrics

        return await samples_of(cell.spec.metrics, result, self.machinery.render)

    def _finish(self, result: TrialResult, samples: Mapping[str, Sample], decision: Decision) -> None:
        self.machinery.emit(TrialFinished(result, samples, decision.spared))
        if self.limits.errors is not None and self.begun.errored >= self.limits.errors:
            reached = plural(self.limits.errors, "errored trial")
            self.machinery.brake.pull("limit", f"the limit of {reached} (limits.errors) is reached")
        if self.fail_fast and decision.has_failed:
            how = "errored" if result.status == "errored" else "failed"
            self.machinery.brake.pull("fail_fast", f"row {result.key.row} {how}, and --fail-fast is set")

    def _timer(self) -> asyncio.TimerHandle | None:
        seconds = self.limits.seconds
        if seconds is None:
            return None
        reason = f"the limit of {seconds:g} seconds (limits.seconds) is reached"
        return asyncio.get_running_loop().call_later(seconds, self.machinery.brake.pull, "limit", reason)


def worker_count(plan: Plan, max_concurrency: int | None) -> int:
    """Twice the sum of the models' limits, so that a slot is never idle while a trial judges its checks."""
    slots = sum(bounds(profile, max_concurrency).ceiling for profile in plan.profiles())
    return min(MOST_WORKERS, 2 * slots or WORKERS_WITHOUT_MODELS, max(plan.size, 1))
