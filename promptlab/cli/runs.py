"""`promptlab runs`: the table of its commands."""

import click

from promptlab.cli.commands import Table

COMMANDS = {
    "list": "List runs, newest first.",
    "show": "Show a run, or one of its trials.",
    "export": "Write all that the log knows of a run as JSON.",
    "labels": "Write what people said of a run's answers, as labels.",
    "delete": "Take runs out of the log; their answers stay for recall.",
    "prune": "Take old runs, and answers that no run needs, out of the log.",
}


@click.command(
    cls=Table, table=COMMANDS, module="promptlab.cli.runs_{}", epilog="Example: promptlab runs show last"
)
def command() -> None:
    """List, show, export, delete and prune the runs of the log."""
