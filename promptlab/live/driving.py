"""Drives an engine to the end of its plan, under the signals; gives how that ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, nullcontext

from promptlab.core.errors import PromptlabError, StorageError
from promptlab.engine.assembly import Engine
from promptlab.engine.plan import Plan
from promptlab.live.interrupts import GRACE_SECONDS, Interrupts
from promptlab.live.summary import Ending
from promptlab.schemas.events import Emit, Event

type First = Callable[[], Awaitable[None]]


async def drive(
    engine: Engine,
    plan: Plan,
    interrupts: Interrupts | None,
    first: First | None = None,
    *,
    last: First | None = None,
) -> Ending:
    """Run the engine, under the signals unless somebody else heeds them; give how it ended.

    `first` and `last` are awaited before and after the trials.
    """
    started = time.monotonic()
    running = asyncio.create_task(_run(engine, plan, first, last))
    with interrupts.heeded(running) if interrupts is not None else nullcontext():
        try:
            ended = await running
        except asyncio.CancelledError:
            ended = time.monotonic()
            await engine.drain(patience=0)
            if interrupts is None or interrupts.received is None:
                raise
    return Ending(
        ended - started,
        engine.budget.brake.stop,
        dict(engine.throttle.closures),
        interrupts.exit_code if interrupts is not None else None,
        is_soft=engine.budget.soft,
        throttle=engine.throttle.courses(),
    )


async def _run(engine: Engine, plan: Plan, first: First | None, last: First | None) -> float:
    """Run the trials; give when the last ended.

    Calls in flight are awaited, unless they cannot be recorded or there is no time.
    """
    patience: float = GRACE_SECONDS
    try:
        with _single_error():
            await engine.runner.run(plan, first=first)
            if last is not None:
                await last()
        return time.monotonic()
    except (StorageError, asyncio.CancelledError):
        patience = 0
        raise
    finally:
        await engine.drain(patience)


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


def fan_out(*listeners: Emit) -> Emit:
    def emit(event: Event) -> None:
        for listener in listeners:
            listener(event)

    return emit
