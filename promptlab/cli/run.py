"""`promptlab run`."""

import asyncio
import gc
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from promptlab.cli.console import out_console, progress_console
from promptlab.cli.outfiles import OutFiles
from promptlab.cli.progress import progress_for
from promptlab.cli.result import Failures, show_result
from promptlab.cli.types import PairType, positive
from promptlab.core.errors import UsageError
from promptlab.core.json import JSON, plain
from promptlab.engine.targets import Targets
from promptlab.live.counts import RunCounts
from promptlab.live.running import RunRequest, open_log, run_loaded
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.problems import Problems
from promptlab.loader.project import Project, open_project
from promptlab.schemas.report import RunSummary
from promptlab.services.run_log import RunLog

PRECEDENCE = (130, 143, 2, 3, 4, 5, 1, 0)
SIGNALS = (130, 143)


@click.command(epilog="Example: promptlab run support_triage --limit 5 --variant few-shot")
@click.argument("pipelines", nargs=-1, required=True, metavar="PIPELINE…")
@click.option(
    "-i",
    "inputs",
    type=PairType(),
    multiple=True,
    help="An input of the one row to run; the dataset is not read.",
)
@click.option("--model", metavar="PROVIDER/MODEL", help="The model of every step.")
@click.option(
    "--set",
    "sets",
    type=PairType(),
    multiple=True,
    help="Set a key of the pipeline, as params.temperature=0.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="V",
    help="Only this variant, or this cell by its whole name.",
)
@click.option(
    "--tag", "tags", multiple=True, metavar="T", help="Only rows (or whole pipelines) with this tag."
)
@click.option("--limit", type=positive(int), metavar="N", help="Only the first N rows.")
@click.option("--failed", metavar="RUN", help="Only the trials that failed or errored in this run.")
@click.option("--repeat", type=positive(int), metavar="N", help="Run each row N times in each cell.")
@click.option(
    "--max-concurrency", type=positive(int, most=1000), metavar="N", help="Calls in flight per model."
)
@click.option("--max-cost", type=positive(float), metavar="USD", help="Stop before more than this is spent.")
@click.option("--fresh", is_flag=True, help="Recall nothing that was recorded before.")
@click.option(
    "--on-unknown",
    type=click.Choice(["retry", "fail"]),
    default="retry",
    show_default=True,
    help="What to do about a request that left and was never answered.",
)
@click.option("--no-python", is_flag=True, help="Refuse to run the project's python.")
@click.option("--fail-fast", is_flag=True, help="Start nothing more once a trial did not pass.")
@click.option(
    "--fail-exit-code",
    type=click.IntRange(0, 255),
    default=1,
    show_default=True,
    help="The exit code where a gate or trial failed.",
)
@click.option("--note", help="A note that is kept with the run.")
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="Write a report; its suffix says which: .json .jsonl .csv .md.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a pipeline, one a line.")
@click.pass_obj
def command(root: str | None, pipelines: tuple[str, ...], **options: Any) -> int:
    """Run pipelines: every row, in every variant, with every check."""
    return _Command(root, pipelines, options).run()


@dataclass(slots=True)
class _Command:
    root: str | None
    references: tuple[str, ...]
    options: dict[str, Any]
    spent: float = 0.0

    def run(self) -> int:
        first = self.references[0]
        project = open_project(first if Path(first).exists() else None, root=self.root)
        paths = list(dict.fromkeys(project.pipeline(reference) for reference in self.references))
        loaded = self._load(project, paths)
        _tune_garbage_collection()
        with open_log(project) as log:
            codes = [code for code in self._codes(project, loaded, log)]
        return next(code for code in PRECEDENCE if code in codes)

    def _load(self, project: Project, paths: Sequence[str]) -> list[tuple[LoadedPipeline, Targets]]:
        """Load all pipelines before the first is run; raises InvalidPipeline with the problems of all."""
        changes, problems = self._changes(), Problems()
        loaded = []
        for path in paths:
            targets = project.targets(self.options["model"])
            pipeline = check_pipeline(project.files, path, targets, problems, changes)
            if pipeline is not None:
                loaded.append((pipeline, targets))
        problems.raise_errors()
        return loaded

    def _changes(self) -> Changes:
        inputs = dict(self.options["inputs"])
        if len(inputs) < len(self.options["inputs"]):
            raise UsageError("-i gives the same input twice")
        return Changes(
            sets=self.options["sets"],
            variants=self.options["variants"],
            repeat=self.options["repeat"],
            inputs=inputs or None,
        )

    def _codes(
        self, project: Project, loaded: Sequence[tuple[LoadedPipeline, Targets]], log: RunLog
    ) -> Iterator[int]:
        for pipeline, targets in loaded:
            code = self._run_one(project, pipeline, targets, log)
            yield code
            if code in SIGNALS:
                return

    def _run_one(self, project: Project, loaded: LoadedPipeline, targets: Targets, log: RunLog) -> int:
        counts, failures = RunCounts(), Failures()
        with ExitStack() as stack:
            outs = stack.enter_context(OutFiles(self.options["outs"]))
            progress = progress_for(progress_console(), counts, loaded.name)
            stack.callback(progress.close)
            summary = asyncio.run(
                run_loaded(
                    project,
                    loaded,
                    targets,
                    self._request(),
                    log=log,
                    listeners=(outs, failures, progress),
                    counts=counts,
                )
            )
        self.spent += summary.spent_usd or 0.0
        outs.finish(summary, log)
        self._show(summary, failures)
        return self.options["fail_exit_code"] if summary.exit_code == 1 else summary.exit_code

    def _show(self, summary: RunSummary, failures: Failures) -> None:
        if self.options["as_json"]:
            click.echo(plain(summary.as_json()))
        else:
            show_result(out_console(), summary, failures)

    def _request(self) -> RunRequest:
        options = self.options
        return RunRequest(
            limit=options["limit"],
            tags=options["tags"],
            failed=options["failed"],
            max_concurrency=options["max_concurrency"],
            max_cost=options["max_cost"],
            spent=self.spent,
            fresh=options["fresh"],
            on_unknown=options["on_unknown"],
            python_allowed=not options["no_python"],
            fail_fast=options["fail_fast"],
            note=options["note"],
            said=self._said(),
        )

    def _said(self) -> dict[str, JSON]:
        """Give the options that differ from their defaults, for the log."""
        kept = {
            name: value for name, value in self.options.items() if value not in (None, False, (), "retry", 1)
        }
        return json.loads(plain(kept))


def _tune_garbage_collection() -> None:
    """What is imported by now lives to the end; measured at 0.15 ms a row."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
