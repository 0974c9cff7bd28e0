"""Commands in terminals of their own, forked from the warm process: what they show, and keys."""

import fcntl
import os
import struct
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pexpect import EOF
from pexpect.fdpexpect import fdspawn

from tests.warm_kit import Process, ordered


class InTerminal(fdspawn):  # type: ignore[misc] # pexpect has no types
    """The terminal's other end, as pexpect has it, its mode before it was used, and the command's process."""

    def __init__(self, process: Process, terminal: int, mode: list[Any], *, seconds: float) -> None:
        super().__init__(terminal, timeout=seconds, encoding="utf-8")
        self.process = process
        self.first_mode = mode

    def interrupt(self) -> None:
        self.send("\x03")

    def code(self) -> int:
        """Wait for the end; give the exit code."""
        self.expect(EOF)
        return self.process.wait()


@contextmanager
def in_terminal(
    root: Path,
    arguments: Sequence[str],
    env: Mapping[str, str],
    *,
    size: tuple[int, int],
    seconds: float,
    stderr: Path | None = None,
) -> Iterator[InTerminal]:
    """Start the command in a terminal of `size` lines and columns, stderr in a file if one is given.

    What is expected must come within `seconds`; the command is killed at the end if it still runs.
    """
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
    mode = termios.tcgetattr(theirs)
    error = theirs if stderr is None else os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    process = Process(ordered(root, arguments, env, (theirs, theirs, error), terminal=True))
    for descriptor in {theirs, error}:
        os.close(descriptor)
    child = InTerminal(process, ours, mode, seconds=seconds)
    try:
        yield child
    finally:
        process.kill()
        process.wait()
        child.close()
