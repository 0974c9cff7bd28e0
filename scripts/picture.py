"""Draws the newest whole, green run of a pipeline as SVG: picture.py PIPELINE FILE."""

import json
import subprocess
import sys
from typing import Any

MOST_RUNS = "1000"


def main(pipeline: str, file: str) -> None:
    """Draw the run; ends with 1 and a message where the log has none."""
    wanted = _newest_whole_run(pipeline)
    if wanted is None:
        sys.exit(f"error: the run log has no whole, green run of {pipeline}\n  `make demo` makes one")
    subprocess.run(_promptlab("runs", "show", wanted, "--svg", file), check=True)


def _newest_whole_run(pipeline: str) -> str | None:
    listed = _promptlab("runs", "list", "--pipeline", pipeline, "--limit", MOST_RUNS, "--json")
    said = subprocess.run(listed, check=True, stdout=subprocess.PIPE).stdout
    green: list[dict[str, Any]] = [run for run in json.loads(said)["runs"] if run["status"] == "passed"]
    most = max((run["planned"] for run in green), default=0)
    return next((run["run_id"] for run in green if run["planned"] == most), None)


def _promptlab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "promptlab", *arguments]


if __name__ == "__main__":
    main(*sys.argv[1:])
