"""The one place where errors become messages and exit codes.

Expected errors are one line and a hint; Ctrl-C is 130, SIGTERM 143, a reader that left 141 as everywhere in
Unix; anything else is a bug: it is a 3, and is written to a file that can be sent to us.
"""

import errno
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, TextIO

import click

from promptlab.cli.commands import ReaderLeft
from promptlab.core.errors import CannotGoOn, Interrupted, PromptlabError, UsageError

USAGE = 2
BUG = 3
TERMINATED = 143
LEFT_PIPE = 141
MACHINE_FAULTS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOMEM,
    errno.EFBIG,
    errno.EAGAIN,
}


def run(arguments: Sequence[str]) -> int:
    """Run the command line and give its exit code."""
    from promptlab.cli.app import app  # noqa: PLC0415

    signal.signal(signal.SIGTERM, _terminate)
    try:
        _prepare_streams()
        result = app.main(list(arguments), prog_name="promptlab", standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 - the boundary
        return _exit_code(error)
    return result if isinstance(result, int) else 0


def _terminate(*_: object) -> NoReturn:
    raise SystemExit(TERMINATED)


def _prepare_streams() -> None:
    """Make sure that there are streams, and that no character is too strange for them."""
    if sys.stderr is None:  # the shell said 2>&-
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    if sys.stdout is None:
        hint = "to see nothing, send it to /dev/null"
        raise UsageError("standard output is closed", hint=hint)
    for stream in (sys.stdout, sys.stderr):
        _tolerate(stream)


def _tolerate(stream: TextIO) -> None:
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def _exit_code(error: BaseException) -> int:  # noqa: PLR0911 - a table of cases
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case SystemExit():
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        case click.ClickException():
            return _show_usage(error)
        case PromptlabError():
            return _show(error)
        case click.Abort() | KeyboardInterrupt():
            return _show(Interrupted("interrupted"))
        case ReaderLeft() | BrokenPipeError():
            return _leave_pipe()
        case OSError():
            return _show_os_error(error)
        case BaseExceptionGroup() if len(error.exceptions) == 1:
            return _exit_code(error.exceptions[0])
        case _:
            return _show_bug(error)


def _show_usage(error: click.ClickException) -> int:
    from promptlab.core.display import escaped, shortened  # noqa: PLC0415

    context = getattr(error, "ctx", None)
    click.echo(f"error: {escaped(shortened(error.format_message(), 1000))}", err=True)
    if context is not None:
        click.echo(f"  try '{context.command_path} --help'", err=True)
    return USAGE


def _show(error: PromptlabError) -> int:
    from promptlab.core.display import escaped, shortened  # noqa: PLC0415

    problems = getattr(error, "problems", None)
    if problems is not None:
        from promptlab.loader.problem_formats import first_as_text  # noqa: PLC0415

        click.echo(first_as_text(problems), err=True)
        return error.exit_code
    click.echo(f"error: {escaped(shortened(str(error), 2000))}", err=True)
    if error.hint:
        click.echo(f"  {escaped(error.hint)}", err=True)
    return error.exit_code


def _leave_pipe() -> int:
    """Whoever read us left; keep the interpreter from complaining when it flushes."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return LEFT_PIPE


def _show_os_error(error: OSError) -> int:
    if error.filename is None and not _stdout_works():
        return _show(CannotGoOn(f"cannot write to standard output: {error.strerror}"))
    if error.errno not in MACHINE_FAULTS:
        return _show_bug(error)
    where = error.filename if error.filename is not None else "cannot read or write"
    return _show(CannotGoOn(f"{where}: {(error.strerror or str(error)).lower()}"))


def _stdout_works() -> bool:
    try:
        sys.stdout.flush()
    except OSError:
        _leave_pipe()
        return False
    return True


def _show_bug(error: BaseException) -> int:
    from promptlab.cli.crash import write_crash_report  # noqa: PLC0415

    click.echo(f"error: this is a bug in promptlab: {type(error).__name__}", err=True)
    try:
        click.echo(f"  please report it with {write_crash_report(error)}", err=True)
    except OSError as problem:
        click.echo(f"  its report could not be written: {problem.strerror}", err=True)
    return BUG
