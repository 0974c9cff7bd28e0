"""A console that leaves broken pipes to the error boundary."""

from typing import NoReturn

from rich.console import Console


class Screen(Console):
    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError
