"""Ctrl-C and SIGTERM: the first ends the run in good order, the second at once."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.engine.brake import Brake

GRACE_SECONDS = 10.0
NAMES = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}


@slotted
class Interrupts:
    """`received`: the first signal, if any. Calls in flight get 10 seconds after it."""

    brake: Brake
    running: asyncio.Task[object] | None = None
    received: signal.Signals | None = None
    _timer: asyncio.TimerHandle | None = field(default=None)

    @contextmanager
    def heeded(self, running: asyncio.Task[object]) -> Iterator[None]:
        """Turn signals into a brake, then a cancellation, of the running task."""
        self.running = running
        loop = asyncio.get_running_loop()
        before = {number: signal.getsignal(number) for number in NAMES}
        try:
            for number in NAMES:
                loop.add_signal_handler(number, self._receive, number)
        except (NotImplementedError, RuntimeError, ValueError):  # not the main thread, or Windows
            yield
            return
        try:
            yield
        finally:
            for number, handler in before.items():
                loop.remove_signal_handler(number)
                signal.signal(number, handler or signal.SIG_DFL)
            if self._timer is not None:
                self._timer.cancel()

    @property
    def exit_code(self) -> int | None:
        return None if self.received is None else 128 + self.received

    def _receive(self, number: signal.Signals) -> None:
        if self.received is not None:
            self._cancel()
            return
        self.received = number
        self.brake.pull("interrupted", NAMES[number])
        self._timer = asyncio.get_running_loop().call_later(GRACE_SECONDS, self._cancel)

    def _cancel(self) -> None:
        if self.running is not None:
            self.running.cancel()
