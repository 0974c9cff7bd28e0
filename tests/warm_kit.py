"""Commands in processes of their own that need not import anything: forks of one warm process."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent
PART_BYTES = 1 << 16


class Process:
    """A command under way; it is a child of the warm process, which tells its id and its end."""

    def __init__(self, told: int) -> None:
        self._told: IO[str] = os.fdopen(told)
        self.returncode = -1  # until the end is known
        self.pid = int(self._told.readline())

    def wait(self) -> int:
        """Wait for the end; give the exit code, of a signal its negative number."""
        if not self._told.closed:
            self.returncode = int(self._told.readline())
            self._told.close()
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if not self._told.closed:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forked(Process):
    """A command without a terminal, and what it says."""

    def __init__(self, out: int, err: int, told: int) -> None:
        super().__init__(told)
        self._streams = {out: bytearray(), err: bytearray()}
        self._open = [out, err]

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Wait so many seconds for the end; give what was said on stdout and stderr."""
        deadline = time.monotonic() + timeout
        while self._open:
            self._read(deadline - time.monotonic())
        self.wait()
        out, err = (said.decode() for said in self._streams.values())
        return out, err

    def until_said(self, text: str, timeout: float = 60) -> None:
        """Wait until this was said on stdout or stderr."""
        deadline = time.monotonic() + timeout
        while not any(text.encode() in said for said in self._streams.values()):
            assert self._open, f"process {self.pid} has ended without a word of {text!r}"
            self._read(deadline - time.monotonic())

    def _read(self, seconds: float) -> None:
        """Read what is there, or comes within so many seconds."""
        ready, _, _ = select.select(self._open, [], [], max(0.0, seconds))
        if not ready:
            raise TimeoutError(f"process {self.pid} has not ended")
        for descriptor in ready:
            if part := os.read(descriptor, PART_BYTES):
                self._streams[descriptor] += part
            else:
                self._open.remove(descriptor)
                os.close(descriptor)


def forked(
    root: Path, arguments: Sequence[str], env: Mapping[str, str], *, stdin: int | None = None
) -> Forked:
    """Start the command in a folder: no stdin unless one is given, and no other environment than this."""
    out, err = os.pipe(), os.pipe()
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a path has no better way
        told = ordered(root, arguments, env, (nothing.fileno() if stdin is None else stdin, out[1], err[1]))
    os.close(out[1])
    os.close(err[1])
    return Forked(out[0], err[0], told)


def ordered(
    root: Path,
    arguments: Sequence[str],
    env: Mapping[str, str],
    streams: Sequence[int],
    *,
    terminal: bool = False,
) -> int:
    """Order a command with these stdin, stdout and stderr; give the descriptor where it is told of."""
    order = {"root": str(root), "arguments": arguments, "env": dict(env), "terminal": terminal}
    told, ours = os.pipe()
    socket.send_fds(_orders(), [f"{json.dumps(order)}\n".encode()], [*streams, ours])
    os.close(ours)
    return told


def orders_descriptor() -> int:
    """Give what a process that inherits it sends orders by."""
    return _orders().fileno()


@cache
def _orders() -> socket.socket:
    """Start the warm process of this test process, which ends with it."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([sys.executable, "-m", "tests.warm"], cwd=ROOT, stdin=theirs.fileno())
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours
