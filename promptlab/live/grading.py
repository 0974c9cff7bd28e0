"""Judges what was made before: the trials of a stored run, or answers from anywhere."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from dataclasses import field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from promptlab.analysis.regression import Base
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.engine.assembly import Engine, RunOptions, assemble
from promptlab.engine.brake import Brake
from promptlab.engine.call_log import CallLog, MemoryCallLog
from promptlab.engine.plan import Plan
from promptlab.engine.stored import StoredPlan
from promptlab.engine.worker import Printed, print_to_stderr
from promptlab.live.aggregating import aggregate, wanting_trials
from promptlab.live.counts import RunCounts
from promptlab.live.driving import First, drive, fan_out
from promptlab.live.gathered import Heard
from promptlab.live.held import Held
from promptlab.live.interrupts import Interrupts
from promptlab.live.scores import Scores
from promptlab.live.summary import summarise
from promptlab.live.workshop import Workshop
from promptlab.loader.project import Project
from promptlab.schemas.events import Emit, RunStopped
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.report import RunSummary

if TYPE_CHECKING:
    from promptlab.services.run_log import RunLog

OF_SETTINGS = "limits.cost_usd of promptlab.yaml"


@frozen(kw_only=True)
class Grading:
    """Judges the trials of a plan. `log` None: no check asks a model, so that nothing is recorded.

    `command`: what runs the plan anew, if it is of a run. `bases`: what gates are held against.
    """

    root: Path
    plan: StoredPlan
    options: RunOptions
    log: "RunLog | None"
    command: str | None = None
    listeners: Sequence[Emit] = ()
    counts: RunCounts = field(default_factory=RunCounts)
    on_print: Callable[[Printed], None] = print_to_stderr
    bases: Mapping[str, Base] = field(default_factory=dict)

    async def run(self, *, run_id: str) -> RunSummary:
        """Judge all; give the summary, under the id of the run that is judged. Raises StorageError."""
        async with AsyncExitStack() as stack:
            workshop = await stack.enter_async_context(Workshop(self.root, on_print=self.on_print))
            log = await stack.enter_async_context(await self._log())
            scores = Scores(self.plan, Held(bases=self.bases))
            heard = Heard(wanting_trials(self.plan))
            emit = fan_out(self.counts, scores, heard, *self.listeners)
            brake = Brake(on_pull=lambda stop: emit(RunStopped(stop.kind, stop.reason)))
            engine = assemble(
                self.options,
                log=log,
                render=workshop.renderer.render,
                call=workshop.workers.call,
                brake=brake,
                emit=emit,
                judge_only=True,
            )
            last = self._last(engine, scores, run_id)
            ending = await drive(engine, self.plan, Interrupts(brake), last=last)
            if ending.signal_code is None:
                await aggregate(self.plan, scores, heard.given, workshop.workers.call)
            ending = replace(ending, was_sent=self.counts.attempts > 0)
            summary = summarise(self.plan, run_id, self.counts, scores, ending)
            return replace(summary, undecided=self._undecided(scores), command=self.command)

    def _undecided(self, scores: Scores) -> int:
        """Count the rows that the repeats of the stored run do not decide."""
        return 0 if self.plan.repeat.needed is None else scores.total.counts.left

    def _last(self, engine: Engine, scores: Scores, run_id: str) -> First | None:
        """Give what is asked of the outputs of the stored run: which are the best."""
        log = self.log
        if log is None or not self.plan.has_metric("select-best"):
            return None
        from promptlab.live.choosing_best import choose_best  # noqa: PLC0415 - few pipelines have one

        async def last() -> None:
            chosen = await choose_best(self.plan, scores, log, run_id, engine.runner.machinery)
            self.counts.compared(chosen.cost_usd, left=chosen.left)

        return last

    async def _log(self) -> AbstractAsyncContextManager[CallLog]:
        if self.log is None:
            return nullcontext(MemoryCallLog())
        from promptlab.live.recorder import Recorder  # noqa: PLC0415 - most checks ask no model

        return await Recorder.aside(self.log, cost_usd_per_day=self.options.cost_usd_per_day)


def options_of_judges(
    project: Project,
    plan: Plan,
    *,
    max_cost: float | None,
    max_concurrency: int | None,
    fresh: bool,
    on_unknown: Literal["retry", "fail"],
) -> RunOptions:
    """Give how judges are asked: within the ceilings of promptlab.yaml. Raises UsageError without a price."""
    ceilings = project.settings.limits
    usd = min((one for one in (max_cost, ceilings.cost_usd) if one is not None), default=None)
    judges = [judge for cell in plan.cells for judge in cell.all_judges()]
    unknown = {judge.profile.name for judge in judges if judge.profile.price is None}
    if unknown and (usd is not None or ceilings.cost_usd_per_day is not None):
        names = ", ".join(sorted(unknown))
        hint = "say it under `prices` in promptlab.yaml"
        raise UsageError(f"there is a cost limit, but the price of {names} is unknown", hint=hint)
    return RunOptions(
        limits=Limits(cost_usd=usd),
        cost_name="--max-cost" if usd is not None and usd == max_cost else OF_SETTINGS,
        cost_usd_per_day=ceilings.cost_usd_per_day,
        fresh=fresh,
        on_unknown=on_unknown,
        max_concurrency=max_concurrency,
    )
