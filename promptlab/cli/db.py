"""`promptlab db`: the table of its commands."""

import click

from promptlab.cli.commands import Table

COMMANDS = {
    "current": "Print the revision of the run log's tables.",
    "upgrade": "Bring the run log to the newest tables, after a backup.",
}


@click.command(
    cls=Table, table=COMMANDS, module="promptlab.cli.db_{}", epilog="Example: promptlab db current"
)
def command() -> None:
    """Show or upgrade the schema of the run log; other commands upgrade it by themselves."""
