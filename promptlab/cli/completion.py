"""`promptlab completion`: the script that a shell evaluates."""

import click
from click.shell_completion import get_completion_class

from promptlab.cli.commands import Command

SHELLS = ("bash", "zsh", "fish")


@click.command(cls=Command, epilog='Example: eval "$(promptlab completion bash)"')
@click.argument("shell", type=click.Choice(SHELLS))
def command(shell: str) -> None:
    """Print the completion script of a shell."""
    from promptlab.cli.app import app  # noqa: PLC0415

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click ships the three
    click.echo(kind(app, {}, "promptlab", "_PROMPTLAB_COMPLETE").source())
