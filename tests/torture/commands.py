"""Commands that the torture gives, each in a process of its own that can be stopped, traced and killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from tests.lab import Ended, environment

IN_FLIGHT = 3
SAID_WITHIN = 60  # s
ROOT = Path(__file__).parents[2]

type Stop = Literal["before", "begun"]


@dataclass(frozen=True, slots=True)
class Command:
    """A command under way; `stopped`: until `go`."""

    pid: int
    out: Path
    err: Path
    warm: "Warm"

    def go(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)  # it is no one else's: nobody has waited for it yet

    def until_said(self, text: str) -> None:
        """Wait until this was said on stderr."""
        deadline = time.monotonic() + SAID_WITHIN
        while text not in self.err.read_text():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} is not in {self.err.read_text()!r}")
            time.sleep(0.005)

    def end(self) -> Ended:
        """Wait for its end; the code of one that was killed is negative."""
        code = self.warm.order(wait=self.pid)
        return Ended(code, self.out.read_text(), self.err.read_text())


class Warm:
    """The handle of a process that forks commands."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process = process
        self._files = (folder / f"said-{number}" for number in count(1))

    def start(self, root: Path, *arguments: str, stop: Stop | None = None) -> Command:
        """Start a command in the project at `root`; with `stop` it has stopped when this returns."""
        said = next(self._files)
        out, err = said.with_suffix(".out"), said.with_suffix(".err")
        for file in (out, err):
            file.touch()  # it may be killed before it opens them
        order = {
            "root": str(root),
            "arguments": arguments,
            "env": {**environment(), "IN_FLIGHT": str(IN_FLIGHT)},
            "stop": stop,
        }
        pid = self.order(start={**order, "out": str(out), "err": str(err)})
        return Command(pid, out, err, self)

    def order(self, **order: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def warm_process(folder: Path) -> Iterator[Warm]:
    """Start the process that forks commands; it ends with this context, or with us."""
    command = [sys.executable, "-m", "tests.torture.warm"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield Warm(process, folder)
