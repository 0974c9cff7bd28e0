"""One run, from a compiled plan to its summary: everything that runs beside the engine starts here."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from promptlab.core.errors import PromptlabError
from promptlab.engine.assembly import Engine, RunOptions, assemble
from promptlab.engine.brake import Brake
from promptlab.engine.plan import Plan
from promptlab.engine.rendering import Renderer
from promptlab.engine.worker import Printed, Workers, print_to_stderr
from promptlab.live.counts import RunCounts
from promptlab.live.interrupts import Interrupts
from promptlab.live.recorder import Recorder
from promptlab.live.scores import Scores
from promptlab.live.summary import Ending, summarise
from promptlab.schemas.events import Emit, Event, RunStopped
from promptlab.schemas.log import RunEnd, RunStart
from promptlab.schemas.report import RunSummary
from promptlab.services.run_log import RunLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Runs one plan over one run log. `listeners` hear each event after it was put on record.

    `counts` is kept up to date for whoever shows progress; `on_print` gets what project code prints.
    """

    root: Path
    plan: Plan
    start: RunStart
    options: RunOptions
    log: RunLog
    listeners: Sequence[Emit] = ()
    counts: RunCounts = field(default_factory=RunCounts)
    on_print: Callable[[Printed], None] = print_to_stderr

    async def run(self) -> RunSummary:
        """Run to the end, or to where it must stop; give the summary. Raises StorageError."""
        scores = Scores(self.plan)
        async with AsyncExitStack() as stack:
            recorder = await stack.enter_async_context(await Recorder.begin_run(self.log, self.start))
            emit = _fan_out(recorder.emit, self.counts, scores, *self.listeners)
            brake = Brake(on_pull=lambda stop: emit(RunStopped(stop.kind, stop.reason)))
            engine = await self._assemble(stack, recorder, brake, emit)
            ending = replace(await _drive(engine, self.plan, brake), was_sent=self.counts.attempts > 0)
            summary = summarise(self.plan, recorder.run_id, self.counts, scores, ending)
            await recorder.end_run(_run_end(summary))
            return summary

    async def _assemble(self, stack: AsyncExitStack, recorder: Recorder, brake: Brake, emit: Emit) -> Engine:
        renderer = await stack.enter_async_context(Renderer())
        workers = await stack.enter_async_context(Workers(self.root, on_print=self.on_print))
        return assemble(
            self.options, log=recorder, render=renderer.render, call=workers.call, brake=brake, emit=emit
        )


async def _drive(engine: Engine, plan: Plan, brake: Brake) -> Ending:
    """Run the engine under the signals; give how it ended."""
    started = time.monotonic()
    interrupts = Interrupts(brake)
    running = asyncio.create_task(engine.runner.run(plan))
    with interrupts.heeded(running), _single_error():
        try:
            await running
            await engine.drain()
        except asyncio.CancelledError:
            if interrupts.received is None:
                raise
            engine.abandon()
            await engine.drain()
    return Ending(
        time.monotonic() - started, brake.stop, dict(engine.throttle.closures), interrupts.exit_code
    )


@contextmanager
def _single_error() -> Iterator[None]:
    """Raise what an error group says as one error: an expected one if there is any among them."""
    try:
        yield
    except BaseExceptionGroup as group:
        expected = group.subgroup(PromptlabError)
        first: BaseException = expected if expected is not None else group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from None


def _fan_out(*listeners: Emit) -> Emit:
    def emit(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return emit


def _run_end(summary: RunSummary) -> RunEnd:
    return RunEnd(
        status=summary.status,
        seconds=summary.seconds,
        reason=summary.stopped,
        metrics={**summary.metrics, "cells": {cell: dict(values) for cell, values in summary.cells.items()}},
        gates=tuple(gate.as_json() for gate in summary.gates),
    )
