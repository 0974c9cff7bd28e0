"""Tests pipelines: runs them, holds them against commits, and never ends green where nothing was checked."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, override

import click

from promptlab.cli.console import is_terminal, out_console, progress_console
from promptlab.cli.loading import Loaded, load_all, load_whole
from promptlab.cli.progress import Progress
from promptlab.cli.result import Failures
from promptlab.cli.running import Runs, Wanted, run_pipelines
from promptlab.cli.test_view import Silent, Tested, TestFailures, show_tested, show_totals
from promptlab.core.errors import NothingToRun
from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import plain
from promptlab.engine.targets import Targets
from promptlab.live.counts import RunCounts
from promptlab.live.held import Held, held
from promptlab.live.since import is_wanted, since
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.reports import REPORTS
from promptlab.schemas.report import RunSummary

if TYPE_CHECKING:
    from rich.console import Console

    from promptlab.live.against.base_sides import BaseSides

NOTHING = NothingToRun.exit_code
ANNOTATIONS = "github"


@frozen
class Strictness:
    """`against`: the commit that gates are held against; `strict`: a gate that cannot tell fails."""

    against: str | None = None
    strict: bool = False


def test_all(project: Project, wanted: Wanted, strictness: Strictness) -> int:
    """Load everything, then test everything; nothing is called before all of it was found to be in order."""
    if wanted.references:
        loaded = load_all(project, wanted.references, wanted.model, wanted.changes)
    else:
        loaded = load_whole(project, wanted.model, wanted.changes)
    request = since(project, [one for one, _ in loaded], wanted.request, wanted.model, wanted.changes)
    loaded = [one for one in loaded if is_wanted(one[0], request)]
    made = partial(TestRuns, strictness=strictness)
    return run_pipelines(project, loaded, replace(wanted, request=request), made)


@slotted(slots=False)
class TestRuns(Runs):
    """Runs pipelines as tests: what passes is a line."""

    strictness: Strictness = Strictness()
    tested: list[Tested] = field(default_factory=list)
    sides: "dict[str, BaseSides]" = field(default_factory=dict)

    @override
    def codes(self, loaded: Sequence[Loaded], outs: Sequence[Sequence[Path]]) -> Iterator[int]:
        with ExitStack() as stack:
            for ref in self._refs([one for one, _ in loaded]):
                self.sides[ref] = stack.enter_context(self._side(ref))
            yield from super().codes(loaded, outs)
        if not self.tested:
            yield NOTHING
        show_totals(self._console, self.tested)

    @override
    def nothing_to_run(self, error: NothingToRun) -> int:
        """Leave a pipeline out of which no row is wanted, unless it was named."""
        if self.wanted.references:
            return super().nothing_to_run(error)
        click.echo(f"{error}", err=True)
        return 0

    @override
    def run(
        self, loaded: LoadedPipeline, targets: Targets, paths: Sequence[Path], spent: float
    ) -> tuple[int, float]:
        failures = TestFailures()
        found, beside = self._held(loaded, spent)
        summary = self.summary(loaded, targets, paths, failures, spent + beside, found)
        return self.tested[-1].code, (summary.most_spent_usd or 0.0) + beside

    @override
    def progress(self, counts: RunCounts, name: str) -> Progress:
        quiet = not self.wanted.request.streams and not is_terminal(self.console)
        return Silent() if quiet else super().progress(counts, name)

    @override
    def show(self, summary: RunSummary, failures: Failures, loaded: LoadedPipeline) -> None:
        self.tested.append(Tested(summary, failures))
        if self.wanted.as_json:
            click.echo(plain(summary.as_json()))
        show_tested(self._console, self.tested[-1])
        if os.environ.get("GITHUB_ACTIONS") == "true" and ANNOTATIONS in REPORTS:
            self._annotate(summary)

    @property
    def _console(self) -> "Console":
        return progress_console() if self.wanted.as_json else out_console()

    def _annotate(self, summary: RunSummary) -> None:
        from promptlab.live.reporting import run_report  # noqa: PLC0415 - in CI alone

        with run_report(self.log, summary, self.project.root) as source:
            for piece in REPORTS.get(ANNOTATIONS)(source):
                click.echo(piece, nl=False, err=self.wanted.as_json)

    def _held(self, loaded: LoadedPipeline, spent: float) -> tuple[Held, float]:
        """Give what the gates of a pipeline are held against, and what finding that out cost."""
        found, beside = self._gates(loaded), 0.0
        bases = {}
        for ref in found.refs():
            side = self.sides[ref].side_of(loaded, spent=spent + beside)
            beside += side.spent_usd or 0.0
            bases[ref] = side.as_base()
        return replace(found, bases=bases), beside

    def _gates(self, loaded: LoadedPipeline) -> Held:
        return held(loaded.spec.gates, self.strictness.against, strict=self.strictness.strict)

    def _refs(self, loaded: Sequence[LoadedPipeline]) -> list[str]:
        return list(dict.fromkeys(ref for one in loaded for ref in self._gates(one).refs()))

    def _side(self, ref: str) -> "BaseSides":
        from promptlab.live.against.base_sides import BaseSides  # noqa: PLC0415 - where a gate is against one

        wanted = self.wanted
        return BaseSides(self.project, ref, self.log, wanted.request, wanted.model, wanted.changes)
