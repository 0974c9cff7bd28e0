"""Runs the trials of a commit from what is recorded; asks, where it may, for what never was answered."""

from contextlib import AsyncExitStack, closing
from pathlib import Path

from promptlab.core.frozen import frozen, slotted
from promptlab.core.network_guard import loopback_only
from promptlab.engine.assembly import Engine, RunOptions, assemble
from promptlab.engine.brake import Brake
from promptlab.engine.call_log import CallLog, MemoryCallLog
from promptlab.engine.plan import Plan
from promptlab.engine.replaying import Replay
from promptlab.engine.targets import Targets
from promptlab.live.against.recorded import FirstOf, RecordingsThere
from promptlab.live.driving import drive
from promptlab.live.interrupts import Interrupts
from promptlab.live.recall import AllRuns, Recaller
from promptlab.live.recorder import Recorder
from promptlab.live.recordings import RecordedFiles, WithRecordings
from promptlab.live.summary import Ending
from promptlab.live.workshop import Workshop
from promptlab.loader.attachments import ProjectAttachments
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline
from promptlab.schemas.events import Emit
from promptlab.services.run_log import RunLog


@frozen(kw_only=True)
class Terms:
    """How trials are run: `root`, where their python lies; in a replay nothing is asked.

    `log`: where answers are, and go; None: recordings alone.
    """

    root: Path
    options: RunOptions
    is_replay: bool
    log: RunLog | None


@slotted
class BaseRun:
    """One pipeline of a commit. `here`: the files of the working tree, whose recordings serve, too.

    `opened`: what is closed afterwards.
    """

    loaded: LoadedPipeline
    plan: Plan
    here: ProjectFiles
    terms: Terms
    opened: list[Targets]

    async def run(self, emit: Emit) -> Ending:
        """Run all trials; it is no run in the log. Raises StorageError."""
        async with AsyncExitStack() as stack:
            if self.terms.is_replay:
                stack.enter_context(loopback_only())
            while self.opened:
                stack.push_async_callback(self.opened.pop().close)
            workshop = await stack.enter_async_context(
                Workshop(self.terms.root, offline=self.terms.is_replay)
            )
            await workshop.start(self.plan.cells)
            brake = Brake()
            engine = await self._engine(stack, workshop, brake, emit)
            return await drive(engine, self.plan, Interrupts(brake))

    async def _engine(self, stack: AsyncExitStack, workshop: Workshop, brake: Brake, emit: Emit) -> Engine:
        files = RecordedFiles(RecordingsThere(self.loaded.files, self.here, self.loaded.name))
        log: CallLog = MemoryCallLog()
        replay = None
        if self.terms.is_replay or self.terms.log is None:
            replay = Replay(self._recorded(stack, files))
        else:
            limit = self.terms.options.cost_usd_per_day
            aside = await stack.enter_async_context(
                await Recorder.aside(self.terms.log, cost_usd_per_day=limit)
            )
            log = WithRecordings(aside, files)
        return assemble(
            self.terms.options,
            log=log,
            replay=replay,
            render=workshop.renderer.render,
            call=workshop.workers.call,
            send=workshop.web.send,
            brake=brake,
            emit=emit,
            attachments=ProjectAttachments(self.loaded.files),
        )

    def _recorded(self, stack: AsyncExitStack, files: RecordedFiles) -> FirstOf:
        if self.terms.log is None:
            return FirstOf((files,))
        return FirstOf((files, AllRuns(stack.enter_context(closing(Recaller(self.terms.log, ""))))))
