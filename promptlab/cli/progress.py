"""Live progress of a run: one moving line in a terminal, a plain line now and then elsewhere."""

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from promptlab.core.words import duration, money
from promptlab.live.counts import RunCounts
from promptlab.schemas.events import Event, ModelClosed, ModelPaused, RunStopped, TrialFinished

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

REDRAWS = 8
PLAIN_SECONDS = 5.0
BAR_WIDTH = 24


class Progress(Protocol):
    """Takes each event of a run; closed when the run ended."""

    def __call__(self, event: Event) -> None: ...

    def close(self) -> None: ...


def progress_for(console: "Console", counts: RunCounts, name: str) -> Progress:
    """Give the progress that suits where stderr goes."""
    return MovingLine(console, counts, name) if console.is_terminal else PlainLines(counts, name)


@dataclass(slots=True)
class Pace:
    """How fast trials end, over the whole run so far."""

    started: float = field(default_factory=time.monotonic)

    def words(self, counts: RunCounts) -> str:
        elapsed = time.monotonic() - self.started
        if not counts.done or elapsed <= 0:
            return ""
        rate = counts.done / elapsed
        left = max(counts.planned - counts.done, 0) / rate
        return f"{rate:.1f}/s, {duration(left)} left" if left else f"{rate:.1f}/s, {duration(elapsed)}"


def tally(counts: RunCounts) -> list[tuple[str, str]]:
    """Give the parts of a progress line and the style of each."""
    parts = [(f"{counts.trials['passed']} passed", "green")]
    for status, style in (("failed", "red"), ("errored", "magenta"), ("skipped", "dim")):
        if counts.trials[status]:  # type: ignore[index]
            parts.append((f"{counts.trials[status]} {status}", style))  # type: ignore[index]
    if counts.recalled:
        parts.append((f"{counts.recalled} recalled", "cyan"))
    parts.append((money(counts.spent_usd), ""))
    return parts


@dataclass(slots=True)
class PlainLines:
    """For pipes and CI: a line every few seconds, and one where something happens."""

    counts: RunCounts
    name: str
    pace: Pace = field(default_factory=Pace)
    _last: float = field(default_factory=time.monotonic)

    def __call__(self, event: Event) -> None:
        notice = _notice(event)
        if notice:
            self._write(notice)
        elif isinstance(event, TrialFinished) and time.monotonic() - self._last >= PLAIN_SECONDS:
            self._last = time.monotonic()
            words = ", ".join(text for text, _ in tally(self.counts))
            self._write(f"{self.counts.done}/{self.counts.planned}: {words}, {self.pace.words(self.counts)}")

    def close(self) -> None: ...

    def _write(self, line: str) -> None:
        sys.stderr.write(f"{self.name}: {line}\n")


class MovingLine:
    """For a terminal: a bar, the counts, the rate and the time left."""

    def __init__(self, console: "Console", counts: RunCounts, name: str) -> None:
        from rich.live import Live  # noqa: PLC0415

        self.counts = counts
        self.name = name
        self.pace = Pace()
        self.console = console
        self.live: Live = Live(
            console=console, get_renderable=self._line, refresh_per_second=REDRAWS, transient=True
        )
        self.live.start()

    def __call__(self, event: Event) -> None:
        notice = _notice(event)
        if notice:
            self.console.print(notice, style="yellow", markup=False)

    def close(self) -> None:
        self.live.stop()

    def _line(self) -> "Text":
        from rich.text import Text  # noqa: PLC0415

        counts = self.counts
        share = counts.done / counts.planned if counts.planned else 0.0
        filled = round(share * BAR_WIDTH)
        line = Text.assemble(
            (f"{self.name} ", "bold"),
            ("━" * filled, "green"),
            ("━" * (BAR_WIDTH - filled), "bright_black"),
            f" {counts.done}/{counts.planned} ",
            no_wrap=True,
            overflow="ellipsis",
        )
        for text, style in tally(counts):
            line.append(" ").append(text, style)
        return line.append(f"  {self.pace.words(counts)}", "dim")


def _notice(event: Event) -> str | None:
    match event:
        case ModelPaused(model, seconds):
            return f"{model} asks to wait {duration(seconds)}"
        case ModelClosed(model, reason):
            return f"{model} is closed for this run: {reason}"
        case RunStopped("interrupted", reason):
            return f"{reason}: waiting up to 10 s for the calls in flight; once more ends it at once"
        case RunStopped(_, reason):
            return reason
        case _:
            return None
