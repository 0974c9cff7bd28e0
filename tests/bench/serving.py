"""What the server takes to answer on a log of 1,000,000 trials: CPU of this process, its client included."""

import time
from collections.abc import Mapping
from pathlib import Path

from starlette.testclient import TestClient

from promptlab.core.database import default_path
from promptlab.main import create_app
from tests.bench.serving_log import make_log
from tests.bench.table import say
from tests.cli_kit import write_project
from tests.serving_kit import server_settings, signed_in

TIMES = 5
SMALLER = "01000899"
ASKED: Mapping[str, str] = {
    "runs": "/api/runs",
    "runs, searched": "/api/runs?text=try&status=failed",
    "runs, as a page": "/runs",
    "a run of 1,000 trials": f"/api/runs/{SMALLER}/trials",
    "a run of 1,000 trials, as a page": f"/runs/{SMALLER}",
    "a run of 100,000 trials": "/api/runs/last/trials",
    "a run of 100,000 trials, as a page": "/runs/last",
    "its failed rows": "/api/runs/last/trials?status=failed",
    "its dearest rows": "/api/runs/last/trials?sort=-cost",
    "its flipped rows": "/api/runs/last/trials?flipped=true",
    "its rows with a rare text": "/api/runs/last/trials?text=ticket+24999:",
    "the counts of its filters": "/runs/last/filters",
    "its charts": "/runs/last/charts",
    "a trial": "/api/runs/last/trials/24000-2-0",
    "a trial, as a page": "/runs/last/trials/24000-2-0",
}


def print_served(root: Path) -> None:
    root.mkdir()
    write_project(root)
    begun = time.monotonic()
    trials = make_log(default_path(root))
    say(f"\na log of {trials:,} trials, made in {time.monotonic() - begun:.0f} s")
    say(f"{'  the server, best of 5 and the first':<46} {'CPU ms':>8} {'first ms':>9} {'KB':>7}")
    with signed_in(create_app(server_settings(root, rate=1e6))) as client:
        client.get("/api/health")
        for what, path in ASKED.items():
            _print_asked(client, what, path)


def _print_asked(client: TestClient, what: str, path: str) -> None:
    times = []
    for _ in range(TIMES):
        begun = time.process_time()
        answer = client.get(path)
        times.append(1000 * (time.process_time() - begun))
    if not answer.is_success:
        raise RuntimeError(f"{path}: {answer.text[:200]}")
    say(f"  {what:<44} {min(times):>8.1f} {times[0]:>9.1f} {len(answer.content) / 1000:>7.0f}")
