"""The files of `run --out`: JSONL line by line as trials end, other reports when the run has ended."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.core.suggest import did_you_mean
from promptlab.live.reporting import run_report
from promptlab.reports import REPORTS, SUFFIXES
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import RunSummary
from promptlab.services.run_log import RunLog


class OutFiles:
    """Call it with each event. A file that cannot be written is found before the run begins."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._paths = [Path(path) for path in paths]
        self._streams: list[TextIO] = []
        for path in self._paths:
            if path.suffix not in SUFFIXES:
                hint = did_you_mean(path.suffix, SUFFIXES)
                raise UsageError(f"--out {path}: no report has the suffix '{path.suffix}'", hint=hint)

    def __enter__(self) -> Self:
        for path in self._paths:
            stream = _opened(path)
            if path.suffix == ".jsonl":
                self._streams.append(stream)
            else:
                stream.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del kind, error, trace
        for stream in self._streams:
            with suppress(OSError):
                stream.close()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, TrialFinished) or not self._streams:
            return
        from promptlab.reports.jsonl import line  # noqa: PLC0415

        text = line(event.result)
        for stream in self._streams:
            _write(stream, text)

    def finish(self, summary: RunSummary, log: RunLog) -> None:
        """Write the reports that need the whole run."""
        for path in self._paths:
            if path.suffix == ".jsonl":
                continue
            report = REPORTS.get(SUFFIXES[path.suffix])
            with _opened(path) as stream, run_report(log, summary) as source:
                for piece in report(source):
                    _write(stream, piece)


def _opened(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be written: {(error.strerror or '').lower()}") from None


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(text)
        stream.flush()
    except OSError as error:
        raise CannotGoOn(f"{stream.name}: cannot be written: {error.strerror}") from None
