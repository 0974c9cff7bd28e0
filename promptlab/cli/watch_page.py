"""What the page beside a watch is told: a while after it was done, so that no save waits for it."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, field
from typing import Any

from promptlab.cli.watch_telling import LONGEST_REASON, files_told, text, turn_told
from promptlab.core.frozen import slotted
from promptlab.live.counts import RunCounts
from promptlab.live.watching.following import Files
from promptlab.live.watching.turn import Cause, Turn
from promptlab.live.watching.view import Status

BEHIND_SECONDS = 0.05  # a save's first request has left by then
MOVING_SECONDS = 0.25

type Frame = dict[str, Any]


@slotted
class PageView:
    """Gathers what a watch does and tells it in pieces. `tell` gets each frame, and never waits."""

    tell: Callable[[Frame], None]
    _unsaid: list[Callable[[], Frame]] = field(default_factory=list)
    _status: Status | None = None
    _is_told: bool = True
    _running: tuple[str, RunCounts] | None = None
    _timer: asyncio.TimerHandle | None = None

    def stands(self, status: Status) -> None:
        if status != self._status:
            self._status, self._is_told = status, False
            if status.standing != "running":
                self._running = None
            self._later(BEHIND_SECONDS)

    def note(self, said: str) -> None:
        self._say(lambda: {"kind": "note", "text": text(said, LONGEST_REASON)})

    def began(self, number: int, cause: Cause, files: Files) -> None:
        self._say(lambda: {"kind": "began", "turn": number, "cause": cause, "files": files_told(files)})

    def run_began(self, name: str, counts: RunCounts) -> None:
        self._running = name, counts
        self._later(MOVING_SECONDS)

    def ended(self, turn: Turn) -> None:
        self._running = None
        self._say(lambda: {"kind": "turn", **turn_told(turn)})

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _say(self, make: Callable[[], Frame]) -> None:
        self._unsaid.append(make)
        self._later(BEHIND_SECONDS)

    def _later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._tell)

    def _tell(self) -> None:
        self._timer = None
        unsaid, self._unsaid = self._unsaid, []
        for make in unsaid:
            self.tell(make())
        if not self._is_told and self._status is not None:
            self._is_told = True
            self.tell({"kind": "stands", **asdict(self._status)})
        if self._running is not None:
            self.tell(_moved(*self._running))
            self._later(MOVING_SECONDS)


def _moved(name: str, counts: RunCounts) -> Frame:
    figures = {"planned": counts.planned, "done": counts.done, "sent": counts.sent}
    return {"kind": "moved", "pipeline": text(name), **figures, "recalled": counts.recalled}
