"""Answers as they come (`run --stream`): one at a time is written, the others wait until it is whole."""

from dataclasses import field
from typing import TYPE_CHECKING

from promptlab.cli.progress import notice_of
from promptlab.core.display import escaped
from promptlab.core.frozen import slotted
from promptlab.engine.worker import Printed, printed_lines
from promptlab.schemas.events import Event, TextEnded, TextReceived
from promptlab.schemas.run import TrialKey

if TYPE_CHECKING:
    from rich.console import Console

BROKEN_OFF = "… broken off"


@slotted
class Waiting:
    """An answer that is not shown yet."""

    pieces: list[str] = field(default_factory=list)
    is_over: bool = False


class StreamedText:
    """A progress of a run that shows its text."""

    def __init__(self, console: "Console") -> None:
        self._console = console
        self._shown: str | None = None
        self._line_is_open = False
        self._waiting: dict[str, Waiting] = {}

    def __call__(self, event: Event) -> None:
        match event:
            case TextReceived(trial, step, text):
                self._receive(_title(trial, step), text)
            case TextEnded(trial, step, is_whole):
                self._end(_title(trial, step), is_whole=is_whole)
            case _:
                notice = notice_of(event)
                if notice:
                    self._write_line(notice, style="yellow")

    def printed(self, printed: Printed) -> None:
        for line in printed_lines(printed):
            self._write_line(line, style="dim")

    def close(self) -> None:
        for title in [*self._waiting]:
            self._show(title)
        self._close_line()

    def _receive(self, title: str, text: str) -> None:
        if self._shown == title:
            self._write(text)
            return
        self._waiting.setdefault(title, Waiting()).pieces.append(text)
        if self._shown is None:
            self._show(title)

    def _end(self, title: str, *, is_whole: bool) -> None:
        if self._shown == title:
            self._finish(is_whole=is_whole)
            self._show_next()
        elif not is_whole:
            self._waiting.pop(title, None)
        elif title in self._waiting:
            self._waiting[title].is_over = True

    def _show_next(self) -> None:
        """Show what is whole, and then the first that still comes."""
        for title in [title for title, waiting in self._waiting.items() if waiting.is_over]:
            self._show(title)
        if self._waiting:
            self._show(next(iter(self._waiting)))

    def _show(self, title: str) -> None:
        waiting = self._waiting.pop(title)
        self._write_line(f"── {title}", style="bold")
        self._shown = title
        self._write("".join(waiting.pieces))
        if waiting.is_over:
            self._finish(is_whole=True)

    def _finish(self, *, is_whole: bool) -> None:
        self._shown = None
        if not is_whole:
            self._write_line(BROKEN_OFF, style="yellow")
        self._close_line()

    def _write(self, text: str) -> None:
        if text:
            lines = (escaped(line) for line in text.split("\n"))
            self._console.print("\n".join(lines), end="", soft_wrap=True)
            self._line_is_open = not text.endswith("\n")

    def _write_line(self, text: str, *, style: str) -> None:
        self._close_line()
        self._console.print(escaped(text), style=style, soft_wrap=True)

    def _close_line(self) -> None:
        if self._line_is_open:
            self._console.print("")
            self._line_is_open = False


def _title(trial: TrialKey, step: str) -> str:
    repeat = f" · repeat {trial.repeat}" if trial.repeat else ""
    return f"row {trial.row_id} · {trial.cell}{repeat} · {step}"
