"""`promptlab serve`."""

import click

from promptlab.cli.commands import Command

HIGHEST_PORT = 65_535


@click.command(cls=Command, epilog="Example: promptlab serve --port 8080")
@click.option("--host", metavar="ADDRESS", help="Where to listen; default: 127.0.0.1, this machine alone.")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, HIGHEST_PORT),
    help="The port; default: 8321. 0 takes a free one.",
)
@click.option(
    "--token", help="What programs and the page must show; better set PROMPTLAB_TOKEN; default: a random one."
)
@click.option("--json", "as_json", is_flag=True, help="Print address and random token as one JSON document.")
@click.pass_obj
def command(
    root: str | None, /, *, host: str | None, port: int | None, token: str | None, as_json: bool
) -> int:
    """Serve the HTTP API and the web page until it is interrupted.

    Prints the address that signs in. Programs send the token as `Authorization: Bearer TOKEN`.
    """
    from promptlab.cli.opening import project_at  # noqa: PLC0415
    from promptlab.cli.serving import serve  # noqa: PLC0415

    flags = {"host": host, "port": port, "token": token}
    given = {name: value for name, value in flags.items() if value is not None}
    return serve(project_at(root), given, as_json=as_json)
