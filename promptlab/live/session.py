"""One run, from a compiled plan to its summary: everything that runs beside the engine starts here."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from signal import Signals
from typing import Any, Literal

from promptlab.core.errors import PromptlabError, StorageError
from promptlab.core.frozen import frozen
from promptlab.core.network_guard import loopback_only
from promptlab.engine.assembly import Engine, RunOptions, assemble
from promptlab.engine.attachments import NO_ATTACHMENTS, AttachmentSource
from promptlab.engine.brake import Brake
from promptlab.engine.call_log import CallLog
from promptlab.engine.plan import Plan
from promptlab.engine.replaying import Replay
from promptlab.engine.worker import Printed, print_to_stderr
from promptlab.live.counts import RunCounts
from promptlab.live.driving import First, drive, fan_out
from promptlab.live.held import NOTHING_HELD, Held
from promptlab.live.interrupts import NAMES, Interrupts
from promptlab.live.kept import KeptTrials, TakenOver
from promptlab.live.recorder import Recorder
from promptlab.live.recordings import RecordedFiles, WithRecordings, Written
from promptlab.live.scores import Scores
from promptlab.live.summary import Ending, summarise
from promptlab.live.workshop import Workshop
from promptlab.loader.files import FileSnapshot
from promptlab.loader.recordings import Recordings
from promptlab.schemas.events import Emit, RunStopped
from promptlab.schemas.log import RunEnd, RunStart
from promptlab.schemas.report import MEASURED, RunSummary, Unrecorded
from promptlab.schemas.run import Sample, TrialResult
from promptlab.services.commands import command_anew, command_on
from promptlab.services.run_log import RunLog


@frozen(kw_only=True, slots=False)
class Session:
    """Runs one plan over one run log. `listeners` hear each event after it was put on record.

    `counts` is kept up to date for whoever shows progress; `on_print` gets what project code prints;
    `attachments` makes what gives the files that prompts name, and tells of each that it reads.
    `taken_over`: the run that goes on, if it is not a new one. `workshop`: one that is open already, and
    stays open. `brake`: one that is pulled from outside; whoever holds it heeds the signals, too.
    `held`: what its gates are held against. `signals`: those that end it, and what they are called.
    """

    root: Path
    plan: Plan
    start: RunStart
    options: RunOptions
    log: RunLog
    listeners: Sequence[Emit] = ()
    counts: RunCounts = field(default_factory=RunCounts)
    on_print: Callable[[Printed], None] = print_to_stderr
    attachments: Callable[[Callable[[FileSnapshot], object]], AttachmentSource] = lambda _: NO_ATTACHMENTS
    taken_over: TakenOver | None = None
    workshop: Workshop | None = None
    brake: Brake | None = None
    mode: Literal["live", "record", "replay"] = "live"
    recordings: Recordings | None = None
    held: Held = NOTHING_HELD
    signals: Mapping[Signals, str] = field(default_factory=lambda: NAMES)

    async def run(self) -> RunSummary:
        """Run to the end, or to where it must stop; give the summary. Raises StorageError."""
        async with AsyncExitStack() as stack:
            if self.mode == "replay":
                stack.enter_context(loopback_only())
            recorder = await stack.enter_async_context(await self._begin())
            try:
                return await self._recorded(stack, recorder)
            except Exception as error:
                with suppress(StorageError):  # then that is what is raised
                    await recorder.end_run(_broken(error))
                raise

    async def _recorded(self, stack: AsyncExitStack, recorder: Recorder) -> RunSummary:
        scores = Scores(self.plan, self.held)
        hear = fan_out(self.counts, scores, *self.listeners)
        kept = self._kept(recorder, hear)
        after = (kept,) if kept is not None else ()
        emit = fan_out(recorder.emit, self.counts, scores, *self.listeners, *after)
        brake = self.brake or Brake()
        brake.on_pull = lambda stop: emit(RunStopped(stop.kind, stop.reason))
        engine = await self._assemble(stack, recorder, brake, emit)
        if self.workshop is None:
            await self._warm_up(recorder)
        interrupts = Interrupts(brake, names=self.signals) if self.brake is None else None
        ending = await self._drive(engine, recorder, kept, interrupts, self._last(engine, recorder, scores))
        await self._aggregate(engine, recorder, scores, ending)
        ending = replace(ending, was_sent=self.counts.attempts > 0, unrecorded=self._unrecorded())
        summary = summarise(self.plan, recorder.run_id, self.counts, scores, ending)
        if kept is not None:
            summary = replace(summary, calls=await recorder.calls())
        run = recorder.run_id, self.start.path, self.start.options
        summary = replace(
            summary,
            command=command_on(*run, summary.stopped),
            anew=command_anew(*run),
            recorded=self.written.counts() if self.written is not None else None,
        )
        await recorder.end_run(_run_end(summary, self.counts.compared_usd))
        return summary

    def _begin(self) -> Coroutine[Any, Any, Recorder]:
        limit, taken = self.options.cost_usd_per_day, self.taken_over
        if taken is None:
            return Recorder.begin_run(self.log, self.start, cost_usd_per_day=limit)
        taken.count_in(self.counts)
        return Recorder.go_on(self.log, taken.run_id, taken.lock, cost_usd_per_day=limit)

    def _kept(self, recorder: Recorder, tell: Emit) -> KeptTrials | None:
        if self.taken_over is None:
            return None
        return KeptTrials(self.log, recorder.run_id, self.plan, tell, recorder.own)

    def _last(self, engine: Engine, recorder: Recorder, scores: Scores) -> First | None:
        """Give what is asked once all trials are on record: which outputs are the best."""
        if not self.plan.has_metric("select-best"):
            return None
        from promptlab.live.choosing_best import choose_best  # noqa: PLC0415 - few pipelines have one

        async def last() -> None:
            await recorder.flush()
            machinery = engine.runner.machinery
            chosen = await choose_best(self.plan, scores, self.log, recorder.run_id, machinery)
            self.counts.compared(chosen.cost_usd, left=chosen.left)

        return last

    async def _drive(
        self,
        engine: Engine,
        recorder: Recorder,
        kept: KeptTrials | None,
        interrupts: Interrupts | None,
        last: First | None,
    ) -> Ending:
        """Run what is not on record yet."""
        if self.taken_over is None or kept is None:
            return await drive(engine, self.plan, interrupts, last=last)

        cells = {cell.name: cell for cell in self.plan.cells}

        def sample(trial: TrialResult) -> Awaitable[Mapping[str, Sample]]:
            return engine.runner.samples(cells[trial.key.cell], trial)

        async def first() -> None:
            await kept.tell(sample)
            recorder.count_kept(recalled=kept.recalled, planned=self.counts.planned)
            self.counts.kept = self.counts.done

        ending = await drive(engine, kept.rest, interrupts, first, last=last)
        await recorder.flush()
        again = await kept.tell_rest(sample)
        return replace(ending, seconds=self.taken_over.seconds + ending.seconds, again=again)

    async def _aggregate(self, engine: Engine, recorder: Recorder, scores: Scores, ending: Ending) -> None:
        """Have functions of the project make metrics of all trials, unless there is no time for it."""
        if ending.signal_code is not None or not any(cell.spec.metrics for cell in self.plan.cells):
            return
        from promptlab.live.aggregating import aggregate, wanting_trials  # noqa: PLC0415 - few have metrics
        from promptlab.live.gathered import on_record  # noqa: PLC0415 - likewise

        if wanting_trials(self.plan):
            await recorder.flush()
            given = on_record(self.log, recorder.run_id)
            await aggregate(self.plan, scores, given, engine.runner.machinery.call)

    async def _warm_up(self, recorder: Recorder) -> None:
        """Import the SDKs before the first trial, where more trials are planned than there are answers."""
        if self.mode == "replay" or (not self.options.fresh and recorder.answers() >= self.plan.least):
            return
        targets = [line[0] for line in self.plan.lines()]
        for provider in {
            id(target.provider): target.provider for target in targets if not target.problem
        }.values():
            await provider.warm_up()

    async def _assemble(self, stack: AsyncExitStack, recorder: Recorder, brake: Brake, emit: Emit) -> Engine:
        workshop = self.workshop
        if workshop is None:
            opened = Workshop(self.root, on_print=self.on_print, offline=self.mode == "replay")
            workshop = await stack.enter_async_context(opened)
        await workshop.start(self.plan.cells)
        return assemble(
            self.options,
            log=self._call_log(recorder),
            replay=self.replay,
            note_raised=self.written.write if self.written is not None else None,
            render=workshop.renderer.render,
            call=workshop.workers.call,
            send=workshop.web.send,
            brake=brake,
            emit=emit,
            attachments=self.attachments(recorder.add_file),
        )

    def _call_log(self, recorder: Recorder) -> CallLog:
        """Give where answers come from and go to, with recordings behind the log, if there may be any."""
        if self.recordings is None or self.mode == "replay":
            return recorder
        if self.written is None and not self.recordings.are_there:
            return recorder
        return WithRecordings(recorder, RecordedFiles(self.recordings), self.written)

    @cached_property
    def written(self) -> Written | None:
        """What writes all that the run uses as files, where it records."""
        if self.recordings is None or self.mode != "record":
            return None
        return Written(self.root, self.recordings.pipeline)

    @cached_property
    def replay(self) -> Replay | None:
        """What nothing is sent in, and what notes what it lacks."""
        if self.recordings is None or self.mode != "replay":
            return None
        return Replay(RecordedFiles(self.recordings))

    def _unrecorded(self) -> tuple[Unrecorded, ...]:
        if self.replay is None or self.recordings is None or not self.replay.lacking.calls:
            return ()
        from promptlab.live.unrecorded import told  # noqa: PLC0415 - only where answers lack

        return told(self.replay.lacking.calls.values(), self.recordings)


def _broken(error: Exception) -> RunEnd:
    """Say what ended a run that found no end of its own; of a bug only its kind, as it may quote secrets."""
    reason = str(error) if isinstance(error, PromptlabError) else f"a bug: {type(error).__name__}"
    return RunEnd(status="errored", reason=reason)


def _run_end(summary: RunSummary, compared_usd: float | None) -> RunEnd:
    return RunEnd(
        status=summary.status,
        seconds=summary.seconds,
        reason=summary.stopped,
        metrics={
            **summary.metrics,
            "cells": {cell: dict(values) for cell, values in summary.cells.items()},
            MEASURED: summary.measured.as_json(),
        },
        gates=tuple(gate.as_json() for gate in summary.gates),
        throttle=summary.throttle,
        compared_usd=compared_usd,
    )
