"""Runs pipelines one after the other, shows each, and makes one exit code of theirs."""

import asyncio
import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from promptlab.cli.console import out_console, progress_console
from promptlab.cli.explained import show_explained
from promptlab.cli.loading import load_all
from promptlab.cli.open_files import with_room
from promptlab.cli.outfiles import OutFiles, out_paths, refuse_files_read
from promptlab.cli.progress import Progress, progress_for
from promptlab.cli.result import NOTHING_CHECKED, Failures, show_result, warnings
from promptlab.cli.result_more import more_lines
from promptlab.cli.slicing import refuse_unknown_column
from promptlab.cli.streamed_text import StreamedText
from promptlab.cli.unknown import risk_lines
from promptlab.core.display import escaped
from promptlab.core.errors import NothingToRun
from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import JSON, plain
from promptlab.engine.targets import Targets
from promptlab.engine.throttling.bounds import bounds
from promptlab.live.counts import RunCounts
from promptlab.live.held import NOTHING_HELD, Held
from promptlab.live.project_log import open_log
from promptlab.live.reporting import with_slices
from promptlab.live.running import RunRequest, require_runnable, run_loaded
from promptlab.live.since import is_wanted, since
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.schemas.explained import Explained
from promptlab.schemas.pipeline import DatasetEntry
from promptlab.schemas.report import RunSummary
from promptlab.services.run_log import RunLog

if TYPE_CHECKING:
    from rich.console import Console

PRECEDENCE = (130, 143, 2, 3, 4, 5, 1, 0)
SIGNALS = (130, 143)


@frozen(kw_only=True)
class Wanted:
    """What to run, and how to show it. `fail_exit_code` stands in for 1; `explain`: how often it was said.
    `by`: the column by which metrics are shown, too.
    """

    request: RunRequest
    references: Sequence[str] = ()
    model: str | None = None
    changes: Changes = NO_CHANGES
    outs: Sequence[str] = ()
    as_json: bool = False
    fail_exit_code: int = 1
    explain: int = 0
    by: str | None = None


def run_all(project: Project, wanted: Wanted) -> int:
    """Load everything, then run everything; nothing is called before all of it was found to be in order."""
    loaded = load_all(project, wanted.references, wanted.model, wanted.changes)
    request = since(project, [one for one, _ in loaded], wanted.request, wanted.model, wanted.changes)
    loaded = [one for one in loaded if is_wanted(one[0], request)]
    return run_pipelines(project, loaded, replace(wanted, request=request))


def run_pipelines(
    project: Project,
    loaded: Sequence[tuple[LoadedPipeline, Targets]],
    wanted: Wanted,
    runs: "Callable[[Project, Wanted, RunLog, Console], Runs] | None" = None,
) -> int:
    """Run what was loaded, one pipeline after the other; `runs` makes what shows them."""
    request = with_room(wanted.request, most=_most_at_once(loaded))
    for pipeline, _ in loaded:
        require_runnable(project, pipeline, request)
        if wanted.by is not None:
            refuse_unknown_column(wanted.by, pipeline)
    outs = out_paths(wanted.outs, [pipeline.name for pipeline, _ in loaded])
    refuse_files_read(outs, (project.root / name for pipeline, _ in loaded for name in _files_of(pipeline)))
    tune_garbage_collection()
    with open_log(project) as log:
        made = (runs or Runs)(project, replace(wanted, request=request), log, progress_console())
        codes = set(made.codes(loaded, outs))
    code = next(code for code in PRECEDENCE if code in codes)
    return wanted.fail_exit_code if code == 1 else code


def _most_at_once(loaded: Sequence[tuple[LoadedPipeline, Targets]]) -> int:
    """Give how many calls one of the models may get at once."""
    lines = (line for pipeline, _ in loaded for cell in pipeline.cells for line in cell.lines())
    targets = (target for line in lines for target in line)
    return max((bounds(target.profile, None).ceiling for target in targets), default=1)


def _files_of(pipeline: LoadedPipeline) -> Iterator[str]:
    """Give the files that a pipeline reads, and its data file also where -i stands in for it."""
    yield from pipeline.files.files_read
    dataset = pipeline.spec.dataset
    if isinstance(dataset, DatasetEntry):
        yield dataset.spec.path


@slotted(slots=False)
class Runs:
    """Runs pipelines one after the other and shows each."""

    project: Project
    wanted: Wanted
    log: RunLog
    console: "Console"

    def codes(
        self, loaded: Sequence[tuple[LoadedPipeline, Targets]], outs: Sequence[Sequence[Path]]
    ) -> Iterator[int]:
        """Run each; give the exit code of each until a signal comes."""
        spent = 0.0
        for (pipeline, targets), paths in zip(loaded, outs, strict=True):
            try:
                code, paid = self.run(pipeline, targets, paths, spent)
                spent += paid
            except NothingToRun as error:
                if len(loaded) == 1:
                    raise
                code = self.nothing_to_run(error)
            yield code
            if code in SIGNALS:
                return

    def nothing_to_run(self, error: NothingToRun) -> int:
        """Say that a pipeline has no row, where others may; give the exit code."""
        click.echo(f"error: {error}", err=True)
        return error.exit_code

    def run(
        self, loaded: LoadedPipeline, targets: Targets, paths: Sequence[Path], spent: float
    ) -> tuple[int, float]:
        """Run a pipeline and show it; give its exit code, and what it spent at most."""
        failures = Failures()
        summary = self.summary(loaded, targets, paths, failures, spent)
        return summary.exit_code, summary.most_spent_usd or 0.0

    def summary(
        self,
        loaded: LoadedPipeline,
        targets: Targets,
        paths: Sequence[Path],
        failures: Failures,
        spent: float,
        held: Held = NOTHING_HELD,
    ) -> RunSummary:
        """Run a pipeline, write its reports and show it."""
        counts = RunCounts()
        with ExitStack() as stack:
            outs = stack.enter_context(OutFiles(paths))
            progress = self.progress(counts, loaded.name)
            stack.callback(progress.close)
            running = run_loaded(
                self.project,
                loaded,
                targets,
                replace(self.wanted.request, spent=self.wanted.request.spent + spent),
                log=self.log,
                listeners=(outs, failures, progress),
                counts=counts,
                on_print=progress.printed,
                held=held,
            )
            summary = with_slices(self.log, asyncio.run(running), self.wanted.by)
        self.show(summary, failures, loaded)
        outs.finish(summary, self.log, self.project.root)
        return summary

    def progress(self, counts: RunCounts, name: str) -> Progress:
        if self.wanted.request.streams:
            return StreamedText(self.console)
        return progress_for(self.console, counts, name)

    def show(self, summary: RunSummary, failures: Failures, loaded: LoadedPipeline) -> None:
        if not self.wanted.as_json:
            show_result(out_console(), summary, failures)
            for line in self._in_doubt(summary):
                out_console().print(escaped(line), style="yellow", soft_wrap=True)
            self._explain(summary, loaded)
            return
        click.echo(plain(summary.as_json() | self._explained(summary, loaded)))
        nothing = [NOTHING_CHECKED] if not failures.checked and summary.status == "passed" else []
        is_told = summary.stopped_by in (None, "interrupted")  # as it happened
        for line in (*nothing, *more_lines(summary), *warnings(summary)):
            if not (is_told and line.startswith("stopped: ")):
                click.echo(f"{summary.pipeline}: {line}", err=True)
        for line in self._in_doubt(summary):
            click.echo(escaped(line), err=True)

    def _in_doubt(self, summary: RunSummary) -> Iterator[str]:
        """Say whose the attempts of unknown outcome are, which the last of the warnings tells of."""
        if not summary.unknown:
            return
        from promptlab.live.senders import senders_of  # noqa: PLC0415 - seldom needed
        from promptlab.services.runs import RunService  # noqa: PLC0415 - likewise

        with self.log.reading() as session:
            runs = RunService(session, is_running=self.log.is_running)
            attempts = runs.unknown_attempts(summary.run_id)
        yield from risk_lines(attempts, senders_of(self.project, self.log, summary.run_id, attempts))

    def _explain(self, summary: RunSummary, loaded: LoadedPipeline) -> None:
        if self.wanted.explain:
            names = [cell.name for cell in loaded.cells]
            show_explained(out_console(), self._causes(summary, loaded), names, said=self.wanted.explain)

    def _explained(self, summary: RunSummary, loaded: LoadedPipeline) -> dict[str, JSON]:
        if not self.wanted.explain:
            return {}
        return {"explained": [one.as_json() for one in self._causes(summary, loaded)]}

    def _causes(self, summary: RunSummary, loaded: LoadedPipeline) -> Iterator[Explained]:
        from promptlab.live.explaining.making import explain_run  # noqa: PLC0415 - seldom asked for

        return explain_run(self.log, summary.run_id, loaded.cells, fresh=self.wanted.request.fresh)


def tune_garbage_collection() -> None:
    """What is there by now lives to the end; measured at 0.15 ms a row."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
