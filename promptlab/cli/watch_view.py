"""Shows a watch: reports of its turns on stdout, notes and the status line on stderr."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from promptlab.cli.console import is_terminal
from promptlab.cli.flip_lines import Line
from promptlab.cli.progress import notice_of
from promptlab.cli.result import Failures, show_result
from promptlab.cli.status_line import StatusLine
from promptlab.cli.turn_lines import error_lines, head, run_lines
from promptlab.cli.unknown import doubt_lines
from promptlab.cli.watch_page import PageView
from promptlab.core.display import escaped
from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import plain
from promptlab.engine.worker import Printed, printed_lines
from promptlab.live.counts import RunCounts
from promptlab.live.watching.following import Files
from promptlab.live.watching.left_behind import Doubt
from promptlab.live.watching.turn import Cause, Turn, TurnRun
from promptlab.live.watching.view import OnUnknown, Status
from promptlab.live.watching.watch import SAVED
from promptlab.schemas.events import Event, RunStopped

if TYPE_CHECKING:
    from rich.console import Console

SAVE = RunStopped("interrupted", SAVED)
LANDING = "saved meanwhile: what is in flight lands first"


class Reports(Protocol):
    """Prints turns: `began` as they begin, `ended` once they are over, `failed` where nothing was run."""

    def began(self, number: int, cause: Cause, files: Files) -> None: ...

    def ended(self, turn: Turn, failures: dict[str, Failures]) -> None: ...

    def failed(self, turn: Turn) -> None: ...


class JsonReports:
    """One object a turn, one a line."""

    def began(self, number: int, cause: Cause, files: Files) -> None: ...

    def ended(self, turn: Turn, failures: dict[str, Failures]) -> None:
        del failures
        self.failed(turn)

    def failed(self, turn: Turn) -> None:
        sys.stdout.write(f"{plain(turn.as_json())}\n")
        sys.stdout.flush()


@slotted
class LineReports:
    """Lines for people; in a terminal differences are in colour, elsewhere between marks."""

    console: "Console"

    def began(self, number: int, cause: Cause, files: Files) -> None:
        self._print(head(number, cause, files))

    def ended(self, turn: Turn, failures: dict[str, Failures]) -> None:
        for run in turn.runs:
            self._show(turn, run, failures.get(run.summary.pipeline, Failures()))
        self._errors(turn)

    def failed(self, turn: Turn) -> None:
        self.began(turn.number, turn.cause, turn.files)
        self._errors(turn)

    def _show(self, turn: Turn, run: TurnRun, failures: Failures) -> None:
        if turn.cause == "start" and run.summary.status != "interrupted":
            show_result(self.console, run.summary, failures)
            return
        for line in run_lines(run, colour=self._has_colour):
            self._print(line)

    def _errors(self, turn: Turn) -> None:
        for error in turn.errors:
            for line in error_lines(error):
                self._print(line)

    @property
    def _has_colour(self) -> bool:
        console = self.console
        return console.is_terminal and not console.no_color and console.color_system is not None

    def _print(self, line: Line) -> None:
        if not is_terminal(self.console):
            self.console.file.write("".join(span.text for span in line) + "\n")
            self.console.file.flush()
            return
        from rich.text import Text  # noqa: PLC0415

        text = Text.assemble(*((span.text, span.style) for span in line))
        self.console.print(text, soft_wrap=True)


@slotted
class WatchView:
    """`line`: where stderr is a terminal; `page`: where one is served, which is told the same."""

    reports: Reports
    line: StatusLine | None = None
    page: PageView | None = None
    _failures: dict[str, Failures] = field(default_factory=dict)

    def stands(self, status: Status) -> None:
        if self.line is not None:
            self.line.stands(status)
        if self.page is not None:
            self.page.stands(status)

    def note(self, text: str) -> None:
        if self.page is not None:
            self.page.note(text)
        with self._aside():
            sys.stderr.write(f"{escaped(text)}\n")
            sys.stderr.flush()

    def doubted(self, doubt: Doubt, on_unknown: OnUnknown) -> None:
        first, *lines = doubt_lines(doubt.attempts, on_unknown, doubt.senders)
        for line in (f"{doubt.path}: its last run left {first}", *lines):
            self.note(line)

    def failed(self, turn: Turn) -> None:
        with self._aside():
            self.reports.failed(turn)
        if self.page is not None:
            self.page.ended(turn)

    def began(self, number: int, cause: Cause, files: Files) -> None:
        if self.page is not None:
            self.page.began(number, cause, files)
        self._failures = {}
        with self._aside():
            self.reports.began(number, cause, files)

    def run_began(self, name: str, counts: RunCounts) -> "RunShown":
        failures = self._failures[name] = Failures()
        if self.line is not None:
            self.line.run_began(name, counts)
        if self.page is not None:
            self.page.run_began(name, counts)
        return RunShown(self, failures)

    def run_ended(self) -> None:
        if self.line is not None:
            self.line.run_ended()

    def ended(self, turn: Turn) -> None:
        with self._aside():
            self.reports.ended(turn, self._failures)
        if self.page is not None:
            self.page.ended(turn)

    def close(self) -> None:
        if self.line is not None:
            self.line.close()

    @contextmanager
    def _aside(self) -> Iterator[None]:
        if self.line is None:
            yield
            return
        with self.line.away():
            yield


@frozen
class RunShown:
    """Hears one run: notices at once, failures for the end."""

    view: WatchView
    failures: Failures

    def __call__(self, event: Event) -> None:
        self.failures(event)
        notice = LANDING if event == SAVE else notice_of(event)
        if notice:
            self.view.note(notice)

    def printed(self, printed: Printed) -> None:
        for line in printed_lines(printed):
            self.view.note(line)

    def close(self) -> None:
        self.view.run_ended()
