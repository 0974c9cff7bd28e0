"""The last line of a terminal: how the watch stands, and what keys there are."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from promptlab.cli.progress import Pace, tally
from promptlab.core.display import escaped
from promptlab.core.frozen import slotted
from promptlab.core.words import money, plural
from promptlab.live.counts import RunCounts
from promptlab.live.watching.view import Standing, Status

if TYPE_CHECKING:
    from rich.console import Console

ERASE = "\r\x1b[2K"
SECONDS = 0.125
KEYS: dict[Standing, str] = {
    "watching": "a all · f failed only · p pause · q quit",
    "running": "p pause · q quit",
    "paused": "p go on · a all · f failed only · q quit",
    "capped": "+ raise the ceiling · q quit",
    "ending": "",
}


@slotted
class StatusLine:
    """Drawn below all else: what is printed meanwhile is printed within `away`."""

    console: "Console"
    has_keys: bool
    status: Status | None = None
    _name: str = ""
    _counts: RunCounts | None = None
    _pace: Pace = field(default_factory=Pace)
    _timer: asyncio.TimerHandle | None = None
    _drawn: str = ""
    _is_away: bool = False

    def stands(self, status: Status) -> None:
        self.status = status
        self._draw()

    def run_began(self, name: str, counts: RunCounts) -> None:
        """Show how a run goes, a few times a second."""
        self._name, self._counts, self._pace = escaped(name), counts, Pace(time.monotonic())
        self._tick()

    def run_ended(self) -> None:
        self._counts = None
        if self._timer is not None:
            self._timer.cancel()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Take the line away while something is printed."""
        self._erase()
        self._is_away = True
        try:
            yield
        finally:
            self._is_away = False
            self._draw()

    def close(self) -> None:
        self.run_ended()
        self.status = None
        self._erase()

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self._tick)
        self._draw()

    def _draw(self) -> None:
        text = "" if self.status is None or self._is_away else self._text(self.status)
        if text != self._drawn:
            width = self.console.width - 1
            shown = text if len(text) <= width else f"{text[: width - 1]}…"
            dim = not self.console.no_color and self.console.color_system is not None
            self._write(f"{ERASE}\x1b[2m{shown}\x1b[0m" if dim and shown else f"{ERASE}{shown}")
            self._drawn = text

    def _erase(self) -> None:
        if self._drawn:
            self._write(ERASE)
            self._drawn = ""

    def _write(self, text: str) -> None:
        self.console.file.write(text)
        self.console.file.flush()

    def _text(self, status: Status) -> str:
        parts = [self._running(self._counts) if self._counts is not None else self._idle(status)]
        return " · ".join(filter(None, [*parts, KEYS[status.standing] if self.has_keys else ""]))

    def _idle(self, status: Status) -> str:
        spent = f"{money(status.spent_usd)} spent"
        ceiling = f" of {money(status.ceiling_usd)}" if status.ceiling_usd is not None else ""
        return f"{status.standing} · {plural(status.files, 'file')} · {spent}{ceiling}"

    def _running(self, counts: RunCounts) -> str:
        words = ", ".join(text for text, _ in tally(counts))
        return f"{self._name} {counts.done}/{counts.planned} {words} {self._pace.words(counts)}".rstrip()
