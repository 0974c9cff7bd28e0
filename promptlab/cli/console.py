"""The two consoles: data goes to stdout, all else to stderr. Colour only where a terminal wants it."""

import os
import sys
from functools import cache
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 120


def _console(stream: TextIO) -> "Console":
    from rich.console import Console  # noqa: PLC0415

    width = None if stream.isatty() else int(os.environ.get("COLUMNS") or PIPE_WIDTH)
    return Console(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False)


@cache
def out_console() -> "Console":
    return _console(sys.stdout)


@cache
def progress_console() -> "Console":
    return _console(sys.stderr)
