"""Bugs in routes: each kind is told once, with a report in a file, and the server goes on."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

import click

from promptlab.cli.crash import write_crash_report


class _Told(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._known: set[tuple[object, ...]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not self._is_new(error):
            return
        click.echo(f"error: this is a bug in promptlab: {type(error).__name__}", err=True)
        try:
            click.echo(f"  please report it with {write_crash_report(error)}", err=True)
        except OSError as problem:
            click.echo(f"  its report could not be written: {problem.strerror}", err=True)

    def _is_new(self, error: BaseException) -> bool:
        lines = [(frame.f_code, line) for frame, line in walk_tb(error.__traceback__)]
        place = (type(error), *lines[-1:])
        is_new = place not in self._known
        self._known.add(place)
        return is_new


@contextmanager
def faults_told() -> Iterator[None]:
    """Tell on standard error what goes wrong in a server, and nothing else of what it logs."""
    logger, told = logging.getLogger("uvicorn.error"), _Told()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(told)
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(told)
        logger.setLevel(level)
        logger.propagate = propagate
