"""Time that nobody waits for: a loop that jumps to its next timer, and a clock that is moved on by hand."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

UPTIME = 100_000.0  # seconds


class _Jumping(selectors.SelectSelector):
    """Instead of waiting, lets the time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise RuntimeError("everybody waits, and nobody for the time")
        self.passed += timeout
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Sleeps, timeouts and `call_later` take no real time. For what runs in this thread alone."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.passed


class LoopClock:
    """The engine's clock, going with the running loop; as monotonic clocks, it does not begin with 0."""

    def now(self) -> float:
        return UPTIME + asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def move_clock(seconds: float) -> None:
    """Move the clock of the running loop on: what would have waited for a time until then waits no longer."""
    loop = asyncio.get_running_loop()
    before = loop.time
    loop.time = lambda: before() + seconds  # type: ignore[method-assign]


def run_virtually[T](main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on virtual time, from 0 on."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def virtually[**P](test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run a test on virtual time: a busy machine changes nothing in what comes before what."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        run_virtually(test(*args, **kwargs))

    return run
