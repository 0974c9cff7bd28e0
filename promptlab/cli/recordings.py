"""`promptlab recordings`: the table of its commands."""

import click

from promptlab.cli.commands import Table

COMMANDS = {
    "update": "Record what pipelines need, calling what nobody has answered.",
    "check": "Say which recordings are missing, and which nobody needs; call nothing.",
    "prune": "Take away the recordings that no pipeline needs.",
}


@click.command(
    cls=Table,
    table=COMMANDS,
    module="promptlab.cli.recordings_{}",
    epilog="Example: promptlab recordings update support_triage",
)
def command() -> None:
    """Keep the answers that replays need as files, one an answer, in recordings/."""
