"""The one place that says whether the run may still send calls, and why not."""

import asyncio
from collections.abc import Callable
from dataclasses import field
from typing import Literal

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.clock import Clock
from promptlab.engine.completion import CallFailure

type StopKind = Literal["interrupted", "limit", "fail_fast"]


@frozen
class Stop:
    kind: StopKind
    reason: str


@slotted
class Brake:
    """Pulled once, it stays: no new call leaves, calls in flight are awaited."""

    on_pull: Callable[[Stop], None] = lambda _: None
    stop: Stop | None = None
    _set: asyncio.Event = field(default_factory=asyncio.Event)

    def pull(self, kind: StopKind, reason: str) -> None:
        if self.stop is None:
            self.stop = Stop(kind, reason)
            self._set.set()
            self.on_pull(self.stop)

    def end(self) -> None:
        """The run is over: nothing leaves any more, though nothing stopped it."""
        self._set.set()

    def refusal(self) -> CallFailure | None:
        """Give what to answer to a call that would leave now; None if it may."""
        if not self._set.is_set():
            return None
        if self.stop is None:
            return CallFailure(kind="interrupted", message="the run has ended", outcome="unsent")
        kind: Literal["limit", "interrupted"] = "interrupted" if self.stop.kind == "interrupted" else "limit"
        return CallFailure(kind=kind, message=self.stop.reason, outcome="unsent")

    async def sleep(self, clock: Clock, seconds: float, *, until: asyncio.Event | None = None) -> None:
        """Sleep, but not beyond a pull, the end, or an event."""
        if self._set.is_set() or seconds <= 0:
            return
        waking = [clock.sleep(seconds), *(event.wait() for event in (self._set, until) if event is not None)]
        tasks = [asyncio.ensure_future(each) for each in waking]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
