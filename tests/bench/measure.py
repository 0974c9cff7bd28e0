"""Runs a command and says what it took: wall seconds, CPU seconds, peak memory."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

CONNECTIONS = 64
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Measure:
    """Of the whole process and its children; `loop_seconds`, where it says so, without start and end."""

    wall: float
    cpu: float
    peak_mb: float
    loop_seconds: float | None = None
    passed: int | None = None


def measured(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None
) -> tuple[Measure, str]:
    """Run a command and give its measure and what it printed; raises RuntimeError where it fails."""
    with tempfile.TemporaryFile("w+") as noise:
        started = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env={**environment(), **(env or {})},
            stdout=subprocess.PIPE,
            stderr=noise,
            text=True,
        )
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in (0, 1):
            noise.seek(0)
            raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}: {noise.read()}")
    return Measure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024), output


def best_of(times: int, command: Sequence[str], *, cwd: Path) -> Measure:
    """Give the least of some runs: what a short command costs where nothing disturbs it."""
    return least_of([measured(command, cwd=cwd)[0] for _ in range(times)])


def least_of(found: Sequence[Measure]) -> Measure:
    """Give the least wall and CPU of some measures."""
    return replace(found[0], wall=min(one.wall for one in found), cpu=min(one.cpu for one in found))


def run_promptlab(folder: Path, *options: str) -> Measure:
    concurrency = ("--max-concurrency", str(CONNECTIONS))
    command = [*promptlab("run", "bench", "--json"), *concurrency, *options]
    measure, output = measured(command, cwd=folder)
    said = json.loads(output.strip().splitlines()[-1])
    return replace(measure, loop_seconds=said["seconds"], passed=said["trials"]["passed"])


def run_bare(folder: Path, url: str, rows: int, *, steps: int = 1) -> Measure:
    numbers = [str(number) for number in (rows, CONNECTIONS, steps)]
    measure, output = measured([sys.executable, "-m", "tests.bench.bare", url, *numbers], cwd=folder)
    said = json.loads(output)
    return replace(measure, loop_seconds=said["seconds"], passed=said["passed"])


def promptlab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "promptlab", *arguments]


def environment() -> dict[str, str]:
    """Give the environment that commands are measured in."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
