"""`promptlab runs list`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from promptlab.cli.commands import Command
from promptlab.cli.opening import project_at, stored
from promptlab.cli.tables import Grid, Styled, show_grid
from promptlab.cli.types import positive
from promptlab.core.json import JSON, plain

if TYPE_CHECKING:
    from promptlab.schemas.log import RunRecord

SHOWN = 20
SHORTEST = 10  # the milliseconds of an id
STYLES = {"passed": "green", "failed": "red", "errored": "magenta", "running": "cyan"}
NUMBERS = frozenset({4, 5, 6})
WHOLE = {2: 16, 3: 8, 7: 12}
HEADER = ("run", "pipeline", "when", "status", "trials", "pass rate", "cost", "note")


@click.command(cls=Command, epilog="Example: promptlab runs list --pipeline support-triage --limit 5")
@click.option("--pipeline", metavar="NAME", help="Only runs of this pipeline.")
@click.option(
    "--limit", type=positive(int), default=SHOWN, show_default=True, metavar="N", help="Only the newest N."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
@click.pass_obj
def command(root: str | None, /, pipeline: str | None, limit: int, *, as_json: bool) -> None:
    """List runs, newest first."""
    runs, pipelines = _newest(root, pipeline, limit)
    if as_json:
        click.echo(plain({"schema_version": 1, "runs": [run_object(run) for run in runs]}))
    elif runs:
        _show(runs)
    else:
        click.echo(_no_run(pipeline, pipelines), err=True)


def _no_run(pipeline: str | None, pipelines: Sequence[str]) -> str:
    from promptlab.core.display import escaped, shortened  # noqa: PLC0415
    from promptlab.core.suggest import did_you_mean  # noqa: PLC0415

    if pipeline is None or not pipelines:
        return "there is no run yet; `promptlab run PIPELINE` makes one"
    hint = did_you_mean(pipeline, pipelines)
    return f"there is no run of '{escaped(shortened(pipeline))}'" + (f"; {escaped(hint)}" if hint else "")


def _newest(
    root: str | None, pipeline: str | None, limit: int
) -> tuple[Sequence["RunRecord"], Sequence[str]]:
    """Give the runs, and where there are none, the names of the pipelines that were run."""
    from promptlab.live.project_log import has_log  # noqa: PLC0415

    project = project_at(root)
    if not has_log(project):
        return [], []
    with stored(project) as found:
        runs = found.runs.newest(pipeline=pipeline, limit=limit)
        return runs, ([] if runs else found.runs.pipelines())


def run_object(run: "RunRecord") -> dict[str, JSON]:
    """Give what `--json` says of a run."""
    return {
        "run_id": run.id,
        "pipeline": run.pipeline,
        "status": run.status,
        "started_at": run.started_at.isoformat(),
        "seconds": run.seconds,
        "planned": run.planned,
        "trials": {name: getattr(run, name) for name in ("passed", "failed", "errored", "skipped")},
        "calls": {"sent": run.sent, "attempts": run.attempts, "recalled": run.recalled},
        "pass_rate": run.pass_rate,
        "cost_usd": run.cost_usd,
        "spent_usd": run.spent_usd,
        "git_commit": run.git_commit,
        "git_dirty": run.git_dirty,
        "note": run.note,
    }


def _show(runs: Sequence["RunRecord"]) -> None:
    from promptlab.cli.console import out_console  # noqa: PLC0415

    length = _length([run.id for run in runs])
    columns = len(HEADER) if any(run.note for run in runs) else len(HEADER) - 1
    rows = [_row(run, length)[:columns] for run in runs]
    grid = Grid(header=HEADER[:columns], rows=rows, right=NUMBERS, whole={0: length, **WHOLE})
    show_grid(out_console(), grid)


def _row(run: "RunRecord", length: int) -> list[Styled | str]:
    from promptlab.core.words import money, percent  # noqa: PLC0415

    return [
        run.id[:length],
        run.pipeline,
        f"{run.started_at.astimezone():%Y-%m-%d %H:%M}",
        Styled(run.status, STYLES.get(run.status, "yellow")),
        f"{run.done}/{run.planned}",
        percent(run.pass_rate),
        "unknown" if run.cost_usd is None else money(run.cost_usd),
        run.note or "",
    ]


def _length(ids: Sequence[str]) -> int:
    """Give how much of an id tells each of these runs from the others."""
    lengths = range(SHORTEST, len(ids[0]))
    return next((length for length in lengths if len({i[:length] for i in ids}) == len(ids)), len(ids[0]))
