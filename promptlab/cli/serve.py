"""`promptlab serve`."""

import click

from promptlab.cli.commands import Command
from promptlab.cli.types import positive
from promptlab.cli.where import listening


@click.command(cls=Command, epilog="Example: promptlab serve --port 8080")
@listening
@click.option(
    "--max-cost", type=positive(float), metavar="USD", help="What all runs that are started here may cost."
)
@click.option(
    "--max-runs", type=positive(int, most=100), metavar="N", help="How many go on at once; default: 4."
)
@click.option("--json", "as_json", is_flag=True, help="Print address and random token as one JSON document.")
@click.pass_obj
def command(root: str | None, /, *, as_json: bool, **flags: str | float | None) -> int:
    """Serve the HTTP API and the web page until it is interrupted.

    Prints the address that signs in. Programs send the token as `Authorization: Bearer TOKEN`.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.serving import serve  # noqa: PLC0415

    given = {name: value for name, value in flags.items() if value is not None}
    return serve(project_at(root), given, as_json=as_json)
