"""One turn: the runs of the pipelines that are due, over processes and connections that are warm."""

import asyncio
from collections.abc import Sequence
from dataclasses import field, replace
from pathlib import Path

from promptlab.core.errors import Interrupted, PromptlabError, StorageError
from promptlab.core.frozen import frozen, slotted
from promptlab.engine.brake import Brake
from promptlab.engine.worker import Printed
from promptlab.live.counts import RunCounts
from promptlab.live.running import OF_FLAG, OF_SETTINGS, RunRequest, session_of
from promptlab.live.session import Session
from promptlab.live.watching.called import called_because
from promptlab.live.watching.comparing import Comparison, Memory
from promptlab.live.watching.loading import Entry
from promptlab.live.watching.log_keeping import KeptLog
from promptlab.live.watching.turn import TurnRun
from promptlab.live.watching.view import RunView, View
from promptlab.live.workshop import Workshop
from promptlab.loader.project import Project
from promptlab.schemas.report import RunSummary
from promptlab.services.git import GitState, git_state
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService

OF_DAY = "limits.cost_usd_per_day of promptlab.yaml"
CEILINGS = (OF_FLAG, OF_SETTINGS, OF_DAY)


@frozen
class Ran:
    """How a run ended: with a summary, or an error; neither where it read what was being saved."""

    run: TurnRun | None = None
    error: PromptlabError | None = None
    spent_usd: float = 0.0

    @property
    def was_stopped(self) -> bool:
        """Whether something else than the run itself put an end to it."""
        if self.run is None:
            return self.error is None
        return self.run.summary.status == "interrupted"

    @property
    def ceiling(self) -> str | None:
        """Which ceiling of the session stopped it."""
        reason = self.run.summary.stopped if self.run is not None else None
        if self.run is None or self.run.summary.status != "limited" or reason is None:
            return None
        return reason if any(f"({name})" in reason for name in CEILINGS) else None


@slotted
class Turner:
    """Runs pipelines one after the other; `memories` hold what came of each pipeline before."""

    logs: KeptLog
    view: View
    workshop: Workshop
    memories: dict[str, Memory] = field(default_factory=dict)
    running: str | None = None
    _brake: Brake = field(default_factory=Brake)
    _task: asyncio.Task[RunSummary] | None = None
    _shown: RunView | None = None
    _is_cut: bool = False

    def memory(self, path: str) -> Memory:
        return self.memories.setdefault(path, Memory())

    async def run(self, project: Project, entry: Entry, request: RunRequest) -> Ran:
        """Run a pipeline that could be loaded; raises StorageError."""
        counts, self._brake, self.running = RunCounts(), Brake(), entry.path
        try:
            run = await self._run(project, entry, request, counts)
        except StorageError:
            raise
        except PromptlabError as error:
            return Ran(error=error, spent_usd=counts.spent_usd or 0.0)
        finally:
            self.running = None
        return Ran(run, spent_usd=run.summary.most_spent_usd or 0.0)

    async def note_git(self, project: Project, runs: Sequence[str]) -> None:
        """Write down what git says, once nobody waits for the runs any more; raises StorageError."""
        if runs:
            await asyncio.to_thread(_note_git, self.logs.of(project), project.root, runs)

    def stop(self, reason: str) -> None:
        """Let no more calls leave; those in flight land."""
        if self.running is not None:
            self._brake.pull("interrupted", reason)

    def cut(self) -> None:
        """Wait for nothing any more."""
        if self._task is not None:
            self._is_cut = True
            self._task.cancel()

    def printed(self, printed: Printed) -> None:
        """Show what project code prints with the run that it was called by."""
        if self._shown is not None:
            self._shown.printed(printed)

    async def _run(self, project: Project, entry: Entry, request: RunRequest, counts: RunCounts) -> TurnRun:
        log, memory = self.logs.of(project), self.memory(entry.path)
        session = self._session(project, log, entry, request)
        is_first, comparison = memory.last is None, Comparison(memory, log)
        self._shown = self.view.run_began(session.plan.pipeline, counts)
        try:
            listeners = (comparison, self._shown)
            summary = await self._summary(replace(session, listeners=listeners, counts=counts))
        finally:
            self._shown.close()
            self._shown = None
        run = comparison.ended(summary, is_whole=request.trials is None and not _left(summary))
        if is_first or request.fresh or not summary.calls.sent:
            return run
        called = await asyncio.to_thread(called_because, log, summary.run_id, session.plan.cells)
        return replace(run, called=called)

    def _session(self, project: Project, log: RunLog, entry: Entry, request: RunRequest) -> Session:
        if entry.loaded is None:
            raise AssertionError("a pipeline that cannot be loaded is never run")
        session = session_of(project, entry.loaded, request, log=log, git=GitState())
        return replace(session, workshop=self.workshop, brake=self._brake)

    async def _summary(self, session: Session) -> RunSummary:
        self._task = asyncio.create_task(session.run())
        try:
            return await self._task
        except asyncio.CancelledError:
            if not self._is_cut:
                raise
            raise Interrupted("given up while calls were in flight") from None
        finally:
            self._task = None


def _note_git(log: RunLog, root: Path, runs: Sequence[str]) -> None:
    state = git_state(root)
    with log.writing() as session:
        RunService(session, is_running=log.is_running).note_git(runs, state)


def _left(summary: RunSummary) -> int:
    return summary.planned - sum(summary.trials.values())
