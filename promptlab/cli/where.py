"""The options that say where a page is served."""

from collections.abc import Callable, Mapping
from typing import Any

import click

from promptlab.core.errors import UsageError

HIGHEST_PORT = 65_535
WHERE = ("host", "port", "token")

_HOST = click.option(
    "--host", metavar="ADDRESS", help="Where to listen; default: 127.0.0.1, this machine alone."
)
_PORT = click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, HIGHEST_PORT),
    help="The port; default: 8321. 0 takes a free one.",
)
_TOKEN = click.option(
    "--token", help="What programs and the page must show; better set PROMPTLAB_TOKEN; default: a random one."
)


def listening(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add them to a command."""
    return _HOST(_PORT(_TOKEN(command)))


def require_serve(said: Mapping[str, object]) -> None:
    """Raise UsageError for what is said of a page that is not to be served."""
    if said:
        name = next(iter(said))
        hint = f"add --serve, or leave --{name} out"
        raise UsageError(f"--{name} is about the page, which --serve serves", hint=hint)
