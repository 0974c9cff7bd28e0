"""The two consoles: data goes to stdout, all else to stderr. Colour only where a terminal wants it."""

import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 120


def out_console() -> "Console":
    return _console(sys.stdout)


def progress_console() -> "Console":
    return _console(sys.stderr)


def is_terminal(console: "Console") -> bool:
    """Say whether a person sees it, on a screen that can move; FORCE_COLOR alone makes no screen."""
    return console.file.isatty() and not console.is_dumb_terminal


def _console(stream: TextIO) -> "Console":
    from promptlab.cli.screen import Screen  # noqa: PLC0415

    width = None if stream.isatty() else _columns()
    return Screen(file=stream, width=width, highlight=False, soft_wrap=False, emoji=False, markup=False)


def _columns() -> int:
    said = os.environ.get("COLUMNS", "")
    return int(said) if said.isdecimal() and int(said) > 0 else PIPE_WIDTH
