"""`python -m tests.bench`: prints a table; times nothing that a test decides on."""

import sys
import tempfile
from pathlib import Path

from tests.bench.measure import Measure, run_bare, run_promptlab
from tests.bench.project import write_project
from tests.fakes import FakeProvider, fake_provider_process

ROWS = 1000
HEADER = "{:<34} {:>8} {:>8} {:>9} {:>8} {:>8}"
LINE = "{:<34} {:>8.0f} {:>8.2f} {:>9.2f} {:>8.0f} {:>8}"


def main() -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        fake_provider_process(Path(name), "--journal", "off") as server,
    ):
        _say(
            HEADER.format(
                f"{ROWS:,} rows, 64 connections", "rows/s", "wall s", "CPU ms/r", "peak MB", "ratio"
            )
        )
        for latency in (0, 50):
            _compare(Path(name), server, latency)


def _compare(folder: Path, server: FakeProvider, latency: int) -> None:
    server.configure(latency_ms=latency)
    bare = run_bare(folder, server.base_url, ROWS)
    _show(f"{latency} ms: bare AsyncOpenAI, no log", bare, "1.00")
    project = folder / f"project-{latency}"
    write_project(project, rows=ROWS, base_url=server.base_url)
    ours = run_promptlab(project)
    _show(f"{latency} ms: promptlab, all logged", ours, f"{bare.loop_seconds / ours.loop_seconds:.2f}")
    again = run_promptlab(project)
    _show(f"{latency} ms: promptlab, again (recalled)", again, "")


def _show(what: str, measure: Measure, ratio: str) -> None:
    rate, cpu = ROWS / measure.loop_seconds, 1000 * measure.cpu / ROWS
    _say(LINE.format(what, rate, measure.wall, cpu, measure.peak_mb, ratio))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
