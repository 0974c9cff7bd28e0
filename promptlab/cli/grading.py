"""Shows what comes of judging again, and makes an exit code of it."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TextIO

import click

from promptlab.analysis.regression import Base
from promptlab.cli.console import out_console, progress_console
from promptlab.cli.outfiles import opened, out_paths, refuse_files_read, write
from promptlab.cli.progress import progress_for
from promptlab.cli.result import NOTHING_CHECKED, Failures, show_result, warnings
from promptlab.core.display import escaped
from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.core.json import plain
from promptlab.engine.plan import Cell
from promptlab.engine.stored import StoredPlan, StoredTrial
from promptlab.engine.targets import Targets
from promptlab.live.answered import plan_of_answers
from promptlab.live.counts import RunCounts
from promptlab.live.grading import Grading, options_of_judges
from promptlab.loader.answers import AnswerFile
from promptlab.loader.grading import load_checks
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project
from promptlab.reports import REPORTS, SUFFIXES
from promptlab.reports.jsonl import line
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import RunReport, RunSummary
from promptlab.schemas.run import TrialKey, TrialResult

if TYPE_CHECKING:
    from promptlab.live.rejudging import StoredRun
    from promptlab.services.run_log import RunLog

NO_BASES: Mapping[str, Base] = MappingProxyType({})

type Place = tuple[int, str, int]


@frozen(kw_only=True)
class How:
    """How to judge, and how to show it. `fail_exit_code` stands in for 1."""

    outs: Sequence[str] = ()
    as_json: bool = False
    max_cost: float | None = None
    max_concurrency: int | None = None
    fresh: bool = False
    on_unknown: Literal["retry", "fail"] = "retry"
    no_python: bool = False
    fail_exit_code: int = 1


def check_run(project: Project, reference: str, how: How) -> int:
    """Judge a stored run by the checks of its pipeline as it is now."""
    from promptlab.live.project_log import open_log  # noqa: PLC0415 - only where there is a log to read
    from promptlab.live.rejudging import stored_run_of  # noqa: PLC0415

    with open_log(project, create=False) as log, stored_run_of(project, log, reference) as found:
        _require_leave(found.code, how)
        paths = _paths(how, found.plan.pipeline)
        refuse_files_read([paths], (project.root / name for name in found.files))
        for note in found.notes():
            click.echo(note, err=True)
        return _judged(project, found.plan, found.targets, how, paths, log=log, of=found)


def check_outputs(project: Project, outputs: Path, checks: str | None, how: How) -> int:
    """Judge answers from a file."""
    file, problems, targets = AnswerFile(outputs), Problems(), project.targets()
    found = file.check(problems)
    path = project.relative(checks) if checks is not None else None
    cell = load_checks(project.files, path, found.columns, targets, problems, rows_ask=found.ask)
    problems.raise_errors()
    if cell is None:
        raise AssertionError("checks that cannot be loaded have problems")
    _require_leave([name for name in project.files.files_read if name.endswith(".py")], how)
    plan, paths = plan_of_answers(file, cell, found.count), _paths(how, outputs.stem)
    refuse_files_read([paths], [outputs, *([project.root / path] if path is not None else [])])
    if not found.count:
        raise UsageError(f"{outputs}: there is no answer in it")
    if not _asks(cell):
        return _judged(project, plan, targets, how, paths, log=None)
    from promptlab.live.project_log import open_log  # noqa: PLC0415 - most checks ask no model

    with open_log(project) as log:
        return _judged(project, plan, targets, how, paths, log=log)


def _asks(cell: Cell) -> bool:
    return bool(cell.judges.targets)


def _require_leave(code: Sequence[str], how: How) -> None:
    if how.no_python and code:
        raise UsageError(f"--no-python, but checks run {', '.join(sorted(code))}")


def _paths(how: How, name: str) -> list[Path]:
    (paths,) = out_paths(how.outs, [name])
    return paths


def _judged(
    project: Project,
    plan: StoredPlan,
    targets: Targets,
    how: How,
    paths: Sequence[Path],
    *,
    log: "RunLog | None",
    of: "StoredRun | None" = None,
) -> int:
    options = options_of_judges(
        project,
        plan,
        max_cost=how.max_cost,
        max_concurrency=how.max_concurrency,
        fresh=how.fresh,
        on_unknown=how.on_unknown,
    )
    if log is not None and any(True for cell in plan.cells for _ in cell.all_judges()):
        _tell_of_doubts(log, how)
    counts, failures = RunCounts(), Failures()
    with ExitStack() as stack:
        outs = stack.enter_context(_writing(paths))
        progress = progress_for(progress_console(), counts, plan.pipeline)
        stack.callback(progress.close)
        grading = Grading(
            root=project.root,
            plan=replace(plan, source=lambda: outs.begun(plan.source())),
            options=options,
            log=log,
            command=of.command if of is not None else None,
            listeners=(outs, failures, progress),
            counts=counts,
            on_print=progress.printed,
            bases=of.bases if of is not None else NO_BASES,
        )
        summary = asyncio.run(_to_the_end(grading, targets, of.run_id if of is not None else ""))
        outs.finish(summary)
    _show(summary, failures, how)
    return how.fail_exit_code if summary.exit_code == 1 else summary.exit_code


def _tell_of_doubts(log: "RunLog", how: How) -> None:
    from promptlab.cli.unknown import doubt_lines  # noqa: PLC0415 - only where there is a log
    from promptlab.live.burial import left_by_checks  # noqa: PLC0415 - likewise

    if attempts := left_by_checks(log):
        first, *lines = doubt_lines(attempts, how.on_unknown, {}, otherwise="judges")
        for line in (f"a check (or a run that is deleted) left {first}", *lines):
            click.echo(escaped(line), err=True)


async def _to_the_end(grading: Grading, targets: Targets, run_id: str) -> RunSummary:
    try:
        return await grading.run(run_id=run_id)
    finally:
        await targets.close()


def _show(summary: RunSummary, failures: Failures, how: How) -> None:
    if not how.as_json:
        show_result(out_console(), summary, failures, resumable=False)
        return
    click.echo(plain(summary.as_json()))
    nothing = [NOTHING_CHECKED] if not failures.checked and summary.status == "passed" else []
    for said in (*nothing, *warnings(summary, resumable=False)):
        click.echo(f"{summary.pipeline}: {said}", err=True)


@contextmanager
def _writing(paths: Sequence[Path]) -> Iterator["InOrder"]:
    """Open the files that reports go to, before anything is judged."""
    with ExitStack() as stack:
        yield InOrder({path: stack.enter_context(opened(path)) for path in paths})


class InOrder:
    """Hears of trials as they end, and writes them in the order in which they were begun."""

    def __init__(self, streams: Mapping[Path, TextIO]) -> None:
        self._lines = [stream for path, stream in streams.items() if path.suffix == ".jsonl"]
        self._reports = {path: stream for path, stream in streams.items() if path.suffix != ".jsonl"}
        self._begun: deque[Place] = deque()
        self._ended: dict[Place, TrialResult] = {}
        self._kept: list[TrialResult] = []

    def begun(self, trials: Iterator[StoredTrial]) -> Iterator[StoredTrial]:
        """Note the order of trials as they are taken."""
        for trial in trials:
            self._begun.append(_place(trial.key))
            yield trial

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self._ended[_place(event.result.key)] = event.result
            while self._begun and self._begun[0] in self._ended:
                self._write(self._ended.pop(self._begun.popleft()))

    def finish(self, summary: RunSummary) -> None:
        """Write what is left behind trials that did not end, and the reports that need the whole."""
        for place in self._begun:
            if place in self._ended:
                self._write(self._ended.pop(place))
        for path, stream in self._reports.items():
            report = REPORTS.get(SUFFIXES[path.suffix])
            write(stream, report(RunReport(summary, lambda: iter(self._kept))))

    def _write(self, trial: TrialResult) -> None:
        if self._reports:
            self._kept.append(trial)
        for stream in self._lines:
            write(stream, [line(trial)])


def _place(key: TrialKey) -> Place:
    return key.row, key.cell, key.repeat
