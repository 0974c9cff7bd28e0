"""`promptlab runs labels`."""

from typing import Literal

import click

from promptlab.cli.commands import Command
from promptlab.cli.completing import complete_runs
from promptlab.cli.opening import refuse_read_by, stored_run
from promptlab.cli.output import put_out


@click.command(cls=Command, epilog="Example: promptlab runs labels last --out labels.jsonl")
@click.argument("run", metavar="RUN", shell_complete=complete_runs)
@click.option("--out", type=click.Path(dir_okay=False), metavar="FILE", help="Write there, not to stdout.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(("jsonl", "csv")),
    help="JSON lines, which are exact, or CSV for spreadsheets; else by the suffix of FILE.",
)
@click.pass_obj
def command(root: str | None, /, run: str, out: str | None, kind: Literal["jsonl", "csv"] | None) -> None:
    """Write what people said of a run on the web page: a line for each answer with a thumb.

    The lines are labels for `judge-report --human FILE`, and rows of a data set: `human` is pass or fail, as
    most say, beside the columns of the row, who said it (`human_who`), when, why (`human_note`) and of what
    (`human_output`).
    """
    from promptlab.cli.human_labels import human_labels  # noqa: PLC0415
    from promptlab.reports.labels import LABELS  # noqa: PLC0415

    by_suffix = "csv" if (out or "").lower().endswith(".csv") else "jsonl"
    with stored_run(root, run) as (found, record):
        refuse_read_by(found, record, out)
        put_out(LABELS[kind or by_suffix](human_labels(found, record).lines()), out)
