"""`promptlab runs export`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.opening import refuse_read_by, stored_run
from promptlab.cli.output import put_out


@click.command(cls=Command, epilog="Example: promptlab runs export last --out run.json")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write there, not to stdout.")
@click.pass_obj
def command(root: str | None, /, run: str, out: str | None) -> None:
    """Write all that the log knows of a run as one JSON document: sources, trials, steps and checks."""
    from promptlab.services.export import ExportService  # noqa: PLC0415

    with stored_run(root, run) as (found, record):
        refuse_read_by(found, record, out)
        put_out(ExportService(found.session, runs=found.runs).document(record), out)
