"""Runs a command and says what it took: wall seconds, CPU seconds, peak memory."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CONNECTIONS = 64


@dataclass(frozen=True, slots=True)
class Measure:
    """Of the whole process and its children; `loop_seconds` from the first row's start to the last's end."""

    wall: float
    cpu: float
    peak_mb: float
    loop_seconds: float
    passed: int


def measured(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> tuple[Measure, dict[str, Any]]:
    """Run a command that prints one JSON line; raises RuntimeError where it fails."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=cwd, env=dict(env), stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}")
    said = json.loads(output.strip().splitlines()[-1])
    cpu = usage.ru_utime + usage.ru_stime
    passed = said["passed"] if "passed" in said else said["trials"]["passed"]
    return Measure(wall, cpu, usage.ru_maxrss / 1024, said["seconds"], passed), said


def run_promptlab(folder: Path, *options: str) -> Measure:
    command = [sys.executable, "-m", "promptlab", "run", "bench", "--json"]
    concurrency = ["--max-concurrency", str(CONNECTIONS)]
    return measured([*command, *concurrency, *options], cwd=folder, env=_environment())[0]


def run_bare(folder: Path, url: str, rows: int) -> Measure:
    command = [sys.executable, "-m", "tests.bench.bare", url, str(rows), str(CONNECTIONS)]
    return measured(command, cwd=folder, env=_environment())[0]


def _environment() -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPATH": root, "NO_COLOR": "1"}
