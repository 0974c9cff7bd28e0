"""`promptlab report`."""

from pathlib import Path

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.opening import refuse_read_by, stored_run
from promptlab.cli.output import put_out
from promptlab.cli.slicing import BY
from promptlab.core.errors import UsageError
from promptlab.core.registry import UnknownKind
from promptlab.core.suggest import did_you_mean
from promptlab.reports import REPORTS, SUFFIXES
from promptlab.reports.base import Report


@click.command(cls=Command, epilog="Example: promptlab report last --format markdown > report.md")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option(
    "--format",
    "kind",
    metavar="FORMAT",
    shell_complete=lambda _ctx, _param, text: [name for name in REPORTS.names() if name.startswith(text)],
    help=f"{', '.join(REPORTS.names())}; default: what the suffix of --out says.",
)
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write there, not to stdout.")
@BY
@click.pass_obj
def command(root: str | None, /, run: str, kind: str | None, out: str | None, by: str | None) -> None:
    """Write a stored run as a report."""
    from promptlab.live.reporting import run_report, with_slices  # noqa: PLC0415
    from promptlab.services.summaries import SummaryService  # noqa: PLC0415

    report = _report(kind, out)
    with stored_run(root, run) as (found, record):
        refuse_read_by(found, record, out)
        summary = with_slices(found.log, SummaryService(found.session, runs=found.runs).of(record), by)
        with run_report(found.log, summary, found.project.root) as source:
            put_out(report(source), out)


def _report(kind: str | None, out: str | None) -> Report:
    if kind is None:
        kind = SUFFIXES.get(Path(out).suffix) if out is not None else None
    if kind is None:
        raise UsageError(f"say which --format: {', '.join(REPORTS.names())}")
    try:
        return REPORTS.get(kind)
    except UnknownKind:
        hint = did_you_mean(kind, REPORTS.names())
        raise UsageError(f"--format {kind}: there is no such report", hint=hint) from None
