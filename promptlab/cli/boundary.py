"""The one place where errors become messages and exit codes.

Expected errors are one line and a hint; Ctrl-C is 130, SIGTERM 143; anything else is a bug: it is a 3, and is
written to a file that can be sent to us.
"""

import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click

from promptlab.core.errors import CannotGoOn, Interrupted, PromptlabError

USAGE = 2
BUG = 3
TERMINATED = 143


def run(arguments: Sequence[str]) -> int:
    """Run the command line and give its exit code."""
    from promptlab.cli.app import app  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = app.main(list(arguments), prog_name="promptlab", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the boundary
        return _exit_code(error)
    return result if isinstance(result, int) else 0


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(TERMINATED)


def _exit_code(error: BaseException) -> int:  # noqa: PLR0911 - a table of cases
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case SystemExit():
            return error.code if isinstance(error.code, int) else 0
        case click.ClickException():
            return _show_usage(error)
        case PromptlabError():
            return _show(error)
        case click.Abort() | KeyboardInterrupt():
            return _show(Interrupted("interrupted"))
        case BrokenPipeError():
            return _leave_pipe()
        case OSError() if error.filename is None and not _stdout_works():
            return _show(CannotGoOn(f"cannot write to standard output: {error.strerror}"))
        case BaseExceptionGroup() if len(error.exceptions) == 1:
            return _exit_code(error.exceptions[0])
        case _:
            return _show_bug(error)


def _show_usage(error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    click.echo(f"error: {error.format_message()}", err=True)
    if context is not None:
        click.echo(f"  try '{context.command_path} --help'", err=True)
    return USAGE


def _show(error: PromptlabError) -> int:
    problems = getattr(error, "problems", None)
    if problems is not None:
        from promptlab.loader.problem_formats import as_text  # noqa: PLC0415

        click.echo(as_text(problems), err=True)
        return error.exit_code
    click.echo(f"error: {error}", err=True)
    if error.hint:
        click.echo(f"  {error.hint}", err=True)
    return error.exit_code


def _leave_pipe() -> int:
    """Whoever read us left; keep the interpreter from complaining when it flushes."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _stdout_works() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        _leave_pipe()
        return False
    return True


def _show_bug(error: BaseException) -> int:
    from promptlab.cli.crash import write_crash_report  # noqa: PLC0415

    path = write_crash_report(error)
    click.echo(f"error: this is a bug in promptlab: {type(error).__name__}", err=True)
    click.echo(f"  please report it with {path}", err=True)
    return BUG
