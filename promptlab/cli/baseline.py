"""`promptlab baseline`: the table of its commands."""

import click

from promptlab.cli.commands import Table

COMMANDS = {
    "update": "Write the baselines of pipelines from runs of them.",
    "show": "Show what baselines hold.",
}


@click.command(
    cls=Table,
    table=COMMANDS,
    module="promptlab.cli.baseline_{}",
    epilog="Example: promptlab baseline update support-triage",
)
def command() -> None:
    """Write and show baselines/PIPELINE.json, which gates `against: baseline` are held against."""
