"""The files of `run --out`: JSONL line by line as trials end, other reports when the run has ended."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.core.suggest import did_you_mean
from promptlab.reports import REPORTS, SUFFIXES
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import RunSummary

if TYPE_CHECKING:
    from promptlab.services.run_log import RunLog

PIPELINE = "{pipeline}"


def out_paths(said: Sequence[str], pipelines: Sequence[str]) -> list[list[Path]]:
    """Give each pipeline's files; raises UsageError where one would be written twice or has no suffix."""
    for text in said:
        if Path(text).suffix not in SUFFIXES:
            hint = did_you_mean(Path(text).suffix, SUFFIXES)
            raise UsageError(f"--out {text}: no report has the suffix '{Path(text).suffix}'", hint=hint)
        if len(pipelines) > 1 and PIPELINE not in text:
            hint = f"say it with {PIPELINE} in it, as out/{PIPELINE}{Path(text).suffix}"
            raise UsageError(f"--out {text}: there are {len(pipelines)} pipelines and one file", hint=hint)
    paths = [[Path(text.replace(PIPELINE, name)) for text in said] for name in pipelines]
    _refuse_twice([path for group in paths for path in group])
    return paths


def _refuse_twice(paths: Sequence[Path]) -> None:
    for path in paths:
        if paths.count(path) > 1:
            raise UsageError(f"--out {path} would be written twice")


def refuse_files_read(outs: Sequence[Sequence[Path]], read: Iterable[Path]) -> None:
    """Raise UsageError where a report would be written over a file that a pipeline reads."""
    taken = {path.resolve() for path in read}
    for path in (path for group in outs for path in group):
        if path.resolve() in taken:
            raise UsageError(f"--out {path}: a pipeline reads this file", hint="name another file")


class OutFiles:
    """Call it with each event. A file that cannot be written is found before the run begins."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths
        self._streams: list[TextIO] = []

    def __enter__(self) -> Self:
        for path in self._paths:
            stream = opened(path)
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
            write(stream, [text])

    def finish(self, summary: RunSummary, log: "RunLog", root: Path) -> None:
        """Write the reports that need the whole run; `root` is the project's."""
        from promptlab.live.reporting import run_report  # noqa: PLC0415

        for path in self._paths:
            if path.suffix == ".jsonl":
                continue
            report = REPORTS.get(SUFFIXES[path.suffix])
            with opened(path) as stream, run_report(log, summary, root) as source:
                write(stream, report(source))


def opened(path: Path) -> TextIO:
    """Open a report's file for writing, in a folder that is made where it is missing; raises UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise UsageError(f"--out {path}: cannot be written: {(error.strerror or '').lower()}") from None


def write(stream: TextIO, pieces: Iterable[str]) -> None:
    """Write a report's pieces; raises CannotGoOn naming the file."""
    try:
        stream.writelines(pieces)
        stream.flush()
    except OSError as error:
        raise CannotGoOn(f"{stream.name}: cannot be written: {(error.strerror or '').lower()}") from None
