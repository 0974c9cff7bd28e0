"""How far a long work over trials is: a moving line in a terminal, elsewhere a plain one now and then."""

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from promptlab.cli.console import is_terminal
from promptlab.core.display import escaped

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

PLAIN_SECONDS = 5.0
PATIENCE = 0.5  # seconds before anything is shown


class TrialCount:
    """Call it with done and planned."""

    def __init__(self, console: "Console", name: str) -> None:
        self._console = console
        self._name = escaped(name)
        self._last = self._started = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, done: int, planned: int) -> None:
        now, words = time.monotonic(), f"{self._name}: {done:,}/{planned:,} trials planned"
        if is_terminal(self._console):
            self._move(words, now)
        elif now - self._last >= PLAIN_SECONDS:
            self._last = now
            sys.stderr.write(f"{words}\n")

    def _move(self, words: str, now: float) -> None:
        if self._status is not None:
            self._status.update(words)
        elif now - self._started >= PATIENCE:
            self._status = self._console.status(words)
            self._status.start()
