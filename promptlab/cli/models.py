"""`promptlab models`: the table of its commands."""

import click

from promptlab.cli.commands import Table

COMMANDS = {
    "list": "List providers, their keys and prices, and the embedded model.",
    "pull": "Fetch the weights of the embedded model.",
}


@click.command(
    cls=Table, table=COMMANDS, module="promptlab.cli.models_{}", epilog="Example: promptlab models pull"
)
def command() -> None:
    """List models, and fetch the embedded one."""
