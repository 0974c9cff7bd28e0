"""Plans pipelines one after the other, as a run would run them, and shows the plans."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from promptlab.cli.console import out_console, progress_console
from promptlab.cli.loading import load_all
from promptlab.cli.plan_table import show_plan, show_sum
from promptlab.cli.trial_count import TrialCount
from promptlab.core.display import escaped
from promptlab.core.errors import NothingToRun
from promptlab.core.frozen import frozen, slotted
from promptlab.core.json import plain
from promptlab.live.planning.counting import Seen
from promptlab.live.planning.making import plan_loaded
from promptlab.live.project_log import look_into_log
from promptlab.live.running import RunRequest
from promptlab.live.since import is_wanted, since
from promptlab.loader.changes import Changes
from promptlab.loader.loading import LoadedPipeline
from promptlab.loader.project import Project
from promptlab.schemas.plan import PLAN_VERSION, Numbers, PipelinePlan
from promptlab.services.run_log import RunLog

if TYPE_CHECKING:
    from rich.console import Console

ERRORS_SHOWN = 5


@frozen
class WantedPlan:
    """What to plan, and how to show it."""

    references: Sequence[str]
    model: str | None
    changes: Changes
    request: RunRequest
    as_json: bool = False


def plan_all(project: Project, wanted: WantedPlan) -> int:
    """Plan all; give 0, or what one that has no row left to run ends with."""
    loaded = load_all(project, wanted.references, wanted.model, wanted.changes)
    pipelines = [pipeline for pipeline, _ in loaded]
    request = since(project, pipelines, wanted.request, wanted.model, wanted.changes)
    with look_into_log(project) as log:
        making = _Making(project, replace(wanted, request=request), log, progress_console())
        plans = list(making.plans([pipeline for pipeline in pipelines if is_wanted(pipeline, request)]))
    if wanted.as_json:
        _print_json(plans)
    else:
        _print(out_console(), plans)
    _warn(plans)
    return making.exit_code


@slotted
class _Making:
    project: Project
    wanted: WantedPlan
    log: RunLog
    console: "Console"
    exit_code: int = 0

    def plans(self, loaded: Sequence[LoadedPipeline]) -> Iterator[PipelinePlan]:
        """Give the plan of each. What those before it may spend is gone from --max-cost."""
        seen, spent = Seen(), 0.0
        for pipeline in loaded:
            try:
                plan = self._plan(pipeline, replace(self.wanted.request, spent=spent), seen)
            except NothingToRun as error:
                if len(loaded) == 1:
                    raise
                click.echo(f"error: {escaped(str(error))}", err=True)
                self.exit_code = error.exit_code
                continue
            spent += plan.total.worst_usd or 0.0
            yield plan

    def _plan(self, loaded: LoadedPipeline, request: RunRequest, seen: Seen) -> PipelinePlan:
        with TrialCount(self.console, loaded.name) as count:
            return asyncio.run(
                plan_loaded(self.project, loaded, request, log=self.log, seen=seen, progress=count)
            )


def _print_json(plans: Sequence[PipelinePlan]) -> None:
    document = {
        "schema_version": PLAN_VERSION,
        "pipelines": [plan.as_json() for plan in plans],
        "total": Numbers.total(plan.total for plan in plans).as_json(),
    }
    click.echo(plain(document))


def _print(console: "Console", plans: Sequence[PipelinePlan]) -> None:
    for plan in plans:
        show_plan(console, plan)
    if len(plans) > 1:
        show_sum(console, plans)


def _warn(plans: Sequence[PipelinePlan]) -> None:
    for plan in plans:
        for warning in plan.warnings:
            click.echo(escaped(f"warning: {plan.pipeline}: {warning}"), err=True)
        for error in plan.errors[:ERRORS_SHOWN]:
            where = f"{plan.path}: row {error.row} ({error.row_id}), {error.cell}, step '{error.step}'"
            click.echo(escaped(f"warning: {where} will fail: {error.message}"), err=True)
        more = plan.total.error - min(len(plan.errors), ERRORS_SHOWN)
        if more:
            click.echo(escaped(f"warning: {plan.pipeline}: and {more:,} more will fail"), err=True)
