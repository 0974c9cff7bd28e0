"""`promptlab models pull`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from promptlab.cli.commands import Command

DEFAULT = "smollm2-135m"


@click.command(cls=Command, epilog="Example: promptlab models pull")
@click.argument("name", default=DEFAULT, metavar="[NAME]")
def command(name: str) -> None:
    """Fetch the weights of the embedded model; quick and quiet where they are there already."""
    from promptlab.engine.providers.embedded import embedded_model  # noqa: PLC0415
    from promptlab.engine.providers.weights import pull  # noqa: PLC0415

    model = embedded_model(name.removeprefix("local/"))
    if model.is_pulled:
        return
    with _progress() as progress:
        path = pull(model, progress=progress)
    click.echo(f"local/{model.name} is ready in {path}", err=True)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    from promptlab.cli.console import is_terminal, progress_console  # noqa: PLC0415

    console = progress_console()
    if not is_terminal(console):
        yield lambda stage: click.echo(stage, err=True)
        return
    with console.status("preparing") as status:
        yield status.update
