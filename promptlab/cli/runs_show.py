"""`promptlab runs show`: a run as its end showed it, or one of its trials."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.opening import Stored, stored_run
from promptlab.cli.slicing import BY
from promptlab.core.display import escaped
from promptlab.core.errors import UsageError
from promptlab.core.json import JSON, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from promptlab.cli.result import Failures
    from promptlab.schemas.log import AttemptRecord, RunRecord, Senders
    from promptlab.schemas.report import RunSummary

BEST = {
    "won": "the best of its row",
    "shared": "one of the best of its row",
    "not": "not the best of its row",
}


@click.command(cls=Command, epilog="Example: promptlab runs show last --row 3 --variant few-shot")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option("--row", type=click.IntRange(min=0), metavar="N", help="Show the trials of this row, from 0.")
@click.option("--variant", metavar="V", help="With --row: only this variant, or the cell of this name.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@BY
@click.option("--flaky", is_flag=True, help="List the rows of which some repeats passed and some did not.")
@click.option("--svg", type=click.Path(dir_okay=False), metavar="FILE", help="Draw the result as SVG.")
@click.pass_obj
def command(root: str | None, /, run: str, **options: Any) -> None:
    """Show a run by its id, a unique start of one, or `last`."""
    row, variant, as_json = options["row"], options["variant"], options["as_json"]
    if row is None and variant is not None:
        raise UsageError("--variant says which trial of a row; say --row too")
    with stored_run(root, run) as (found, record):
        if row is not None:
            _show_trials(found, record, row=row, variant=variant, as_json=as_json)
        elif options["flaky"]:
            _show_flaky(found, record, as_json=as_json)
        else:
            _show_run(found, record, as_json=as_json, svg=options["svg"], by=options["by"])


def _show_flaky(found: Stored, record: "RunRecord", *, as_json: bool) -> None:
    from promptlab.cli.console import out_console  # noqa: PLC0415
    from promptlab.cli.tables import Grid, show_grid  # noqa: PLC0415
    from promptlab.services.flaky import flaky_rows  # noqa: PLC0415

    rows = flaky_rows(found.session, record.id)
    if as_json:
        flaky = [one.as_json() for one in rows]
        click.echo(plain({"schema_version": 1, "run_id": record.id, "flaky": flaky}))
    elif rows:
        lines = [[str(one.row), one.row_id, one.cell, f"{one.passed} of {one.judged}"] for one in rows]
        show_grid(
            out_console(), Grid(header=("row", "id", "cell", "passed"), rows=lines, right=frozenset({0, 3}))
        )
    else:
        click.echo(f"no row of run {record.id} passed sometimes and failed sometimes", err=True)


def _show_run(found: Stored, record: "RunRecord", *, as_json: bool, svg: str | None, by: str | None) -> None:
    from promptlab.cli.console import out_console  # noqa: PLC0415
    from promptlab.cli.result import show_result  # noqa: PLC0415
    from promptlab.cli.runs_list import run_object  # noqa: PLC0415
    from promptlab.cli.unknown import attempt_object, risk_lines  # noqa: PLC0415
    from promptlab.live.reporting import with_slices  # noqa: PLC0415
    from promptlab.services.summaries import SummaryService  # noqa: PLC0415

    summary = with_slices(found.log, SummaryService(found.session, runs=found.runs).of(record), by)
    attempts = found.runs.unknown_attempts(record.id)
    if as_json:
        more = {"options": dict(record.options), "reason": record.reason, "version": record.version}
        rates = {cell: dict(checks) for cell, checks in summary.checks.items()}
        senders = _senders(found, record, attempts)
        unknown = {"unknown_attempts": [attempt_object(one, senders) for one in attempts]}
        click.echo(plain({**summary.as_json(), **run_object(record), **more, **unknown, "checks": rates}))
    elif svg is not None:
        from promptlab.cli.picture import draw  # noqa: PLC0415

        draw(Path(svg), summary, _failures(found, record, summary), of=record.path or record.pipeline)
    else:
        console = out_console()
        _show_origin(console, record)
        show_result(console, summary, _failures(found, record, summary))
        for line in risk_lines(attempts, _senders(found, record, attempts)):
            console.print(escaped(line), style="yellow", soft_wrap=True)


def _senders(found: Stored, record: "RunRecord", attempts: "Sequence[AttemptRecord]") -> "Senders":
    if not attempts:
        return {}
    from promptlab.live.senders import senders_of  # noqa: PLC0415 - seldom needed, and not light

    return senders_of(found.project, found.log, record.id, attempts)


def _failures(found: Stored, record: "RunRecord", summary: "RunSummary") -> "Failures":
    from promptlab.cli.result import NOT_PASSED, Failures  # noqa: PLC0415
    from promptlab.services.trials import TrialService  # noqa: PLC0415

    failures = Failures(checked=any(summary.checks.values()))
    statuses = ("errored",) if summary.status == "passed" else NOT_PASSED
    for trial in TrialService(found.session).of_run(record.id, statuses=statuses):
        failures.add(trial)
        if failures.is_full:
            break
    return failures


def _show_origin(console: "Console", run: "RunRecord") -> None:
    commit = (
        f"commit {run.git_commit[:10]}{' and changes' if run.git_dirty else ''}" if run.git_commit else ""
    )
    parts = [run.path or run.pipeline, f"{run.started_at.astimezone():%Y-%m-%d %H:%M:%S}", run.status, commit]
    console.print(escaped(" · ".join(part for part in parts if part)), style="dim", soft_wrap=True)
    if run.note:
        console.print(escaped(f"note: {run.note}"), soft_wrap=True)


def _show_trials(found: Stored, record: "RunRecord", *, row: int, variant: str | None, as_json: bool) -> None:
    from promptlab.cli.console import out_console  # noqa: PLC0415
    from promptlab.cli.trial import show_trial, whole_trial  # noqa: PLC0415
    from promptlab.cli.winners import wins_of  # noqa: PLC0415
    from promptlab.schemas.report import MEASURED, Measured  # noqa: PLC0415
    from promptlab.services.trials import TrialService  # noqa: PLC0415

    trials = list(TrialService(found.session).of_run(record.id, row=row, cell=variant))
    if not trials:
        where = f"row {row}" if variant is None else f"row {row} in '{variant}'"
        hint = f"its cells: {', '.join(record.cells)}; rows count from 0"
        raise UsageError(f"run {record.id} has no trial of {where}", hint=hint)
    kept: Any = record.metrics.get(MEASURED, {})
    measured = Measured.of_json(kept)
    if as_json:
        shown = [whole_trial(trial) | _best(wins_of(measured, trial.key)) for trial in trials]
        click.echo(plain({"schema_version": 1, "run_id": record.id, "trials": shown}))
        return
    console = out_console()
    for trial in trials:
        show_trial(console, trial)
        for metric, how in wins_of(measured, trial.key).items():
            console.print(escaped(f"{metric}: {BEST[how]}"), soft_wrap=True)


def _best(wins: dict[str, str]) -> dict[str, JSON]:
    return {"best": dict(wins)} if wins else {}
