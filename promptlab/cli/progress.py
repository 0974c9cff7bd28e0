"""Live progress of a run: one moving line in a terminal, a plain line now and then elsewhere."""

import sys
import time
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from promptlab.cli.console import is_terminal
from promptlab.core.display import escaped, shortened
from promptlab.core.frozen import slotted
from promptlab.core.words import duration, money
from promptlab.engine.worker import Printed, printed_lines
from promptlab.live.counts import RunCounts
from promptlab.live.interrupts import GRACE_SECONDS
from promptlab.schemas.events import Event, ModelClosed, ModelPaused, RunStopped, TrialFinished
from promptlab.schemas.report import paid
from promptlab.schemas.run import TrialStatus

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

REDRAWS = 8
PLAIN_SECONDS = 5.0
BAR_WIDTH = 24
NAME_WIDTH = 24


class Progress(Protocol):
    """Takes each event of a run, and what project code prints; closed when the run ended."""

    def __call__(self, event: Event) -> None: ...

    def printed(self, printed: Printed) -> None: ...

    def close(self) -> None: ...


def progress_for(console: "Console", counts: RunCounts, name: str) -> Progress:
    """Give the progress that suits where stderr goes."""
    return MovingLine(console, counts, name) if is_terminal(console) else PlainLines(counts, name)


@slotted
class Pace:
    """How fast trials end, over the whole run so far."""

    started: float = field(default_factory=time.monotonic)

    def words(self, counts: RunCounts) -> str:
        elapsed, ended = time.monotonic() - self.started, counts.done - counts.kept
        if ended <= 0 or elapsed <= 0:
            return ""
        rate = ended / elapsed
        left = max(counts.planned - counts.done, 0) / rate
        return f"{rate:.1f}/s, {duration(left)} left" if left else f"{rate:.1f}/s, {duration(elapsed)}"


def tally(counts: RunCounts) -> list[tuple[str, str]]:
    """Give the parts of a progress line and the style of each."""
    others: tuple[tuple[TrialStatus, str], ...] = (
        ("failed", "red"),
        ("errored", "magenta"),
        ("skipped", "dim"),
    )
    parts = [(f"{counts.trials['passed']} passed", "green")]
    parts += [
        (f"{counts.trials[status]} {status}", style) for status, style in others if counts.trials[status]
    ]
    if counts.recalled:
        parts.append((f"{counts.recalled} recalled", "cyan"))
    return [*parts, (money(paid(counts.spent_usd, counts.unknown_usd)), "")]


@slotted
class PlainLines:
    """For pipes and CI: a line every few seconds, and one where something happens."""

    counts: RunCounts
    name: str
    pace: Pace = field(default_factory=Pace)
    _last: float = field(default_factory=time.monotonic)

    def __call__(self, event: Event) -> None:
        if not isinstance(event, TrialFinished):
            if notice := notice_of(event):
                self._write(notice)
        elif time.monotonic() - self._last >= PLAIN_SECONDS:
            self._last = time.monotonic()
            words = ", ".join(text for text, _ in tally(self.counts))
            self._write(f"{self.counts.done}/{self.counts.planned}: {words}, {self.pace.words(self.counts)}")

    def printed(self, printed: Printed) -> None:
        for line in printed_lines(printed):
            self._write(line)

    def close(self) -> None: ...

    def _write(self, line: str) -> None:
        sys.stderr.write(f"{escaped(f'{self.name}: {line}')}\n")


class MovingLine:
    """For a terminal: a bar, the counts, the rate and the time left."""

    def __init__(self, console: "Console", counts: RunCounts, name: str) -> None:
        from rich.live import Live  # noqa: PLC0415

        self.counts = counts
        self.name = escaped(name)
        self.pace = Pace()
        self.console = console
        self.live: Live = Live(
            console=console, get_renderable=self._line, refresh_per_second=REDRAWS, transient=True
        )
        self.live.start()

    def __call__(self, event: Event) -> None:
        notice = notice_of(event)
        if notice:
            self.console.print(escaped(notice), style="yellow")

    def printed(self, printed: Printed) -> None:
        """Show each line above the moving one."""
        for line in printed_lines(printed):
            self.console.print(line, style="dim", soft_wrap=True)

    def close(self) -> None:
        self.live.stop()

    def _line(self) -> "Text":
        from rich.text import Text  # noqa: PLC0415

        words = self._words()
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(shortened(self.name, NAME_WIDTH), "bold").append(" ")
        width = max(0, min(BAR_WIDTH, self.console.width - line.cell_len - words.cell_len - 1))
        share = self.counts.done / self.counts.planned if self.counts.planned else 0.0
        filled = round(share * width)
        line.append("━" * filled, "green").append("━" * (width - filled), "bright_black")
        return line.append(words)

    def _words(self) -> "Text":
        from rich.text import Text  # noqa: PLC0415

        counts = self.counts
        pace = ", ".join(filter(None, (_at_once(counts), self.pace.words(counts))))
        words = Text(f" {counts.done}/{counts.planned} ")
        for text, style in tally(counts):
            words.append(" ").append(text, style)
        return words.append(f"  {pace}", "dim")


def _at_once(counts: RunCounts) -> str:
    """Say how many calls may be in flight, over all models."""
    return f"{sum(counts.at_once.values())} at once" if counts.at_once else ""


def notice_of(event: Event) -> str | None:
    """Give what a person should be told of an event, or None."""
    match event:
        case ModelPaused(model, seconds):
            return f"{model} asks to wait {duration(seconds)}"
        case ModelClosed(model, reason):
            return f"{model} is closed for this run: {reason.removeprefix(f'{model}: ')}"
        case RunStopped("interrupted", reason):
            return f"{reason}: waiting up to {duration(GRACE_SECONDS)} for the calls in flight"
        case _:
            return None
