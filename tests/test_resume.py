"""`promptlab resume`: an interrupted run is finished under its own id, as if nothing had happened."""

import json
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeProvider
from tests.lab import Lab, ended

ROWS = 60
IN_FLIGHT = 8
TIMES = ("seconds", "latency_ms", "throttle", "run_id", "command")


@pytest.fixture
def lab(tmp_path: Path, fake_provider: FakeProvider) -> Lab:
    found = Lab(tmp_path, fake_provider.base_url)
    found.write_rows(ROWS)
    return found


def without_times(value: Any, *names: str) -> Any:
    """Take times and ids out of a report, at any depth."""
    if isinstance(value, dict):
        kept = {key: inner for key, inner in value.items() if key not in (*TIMES, *names)}
        return {key: without_times(inner, *names) for key, inner in kept.items()}
    return [without_times(inner, *names) for inner in value] if isinstance(value, list) else value


def report(lab: Lab, *unlike: str) -> Any:
    """Give the JSON report of the newest run, without times and ids."""
    return without_times(json.loads(lab.command("report", "last", "--format", "json").out), *unlike)


def killed(lab: Lab, provider: FakeProvider, after: int, *arguments: str) -> None:
    """Start a command and kill it once so many more requests have come."""
    first = provider.sent_count
    run = lab.start(*arguments)
    provider.wait_for_requests(first + after, wait=20)
    run.kill()
    ended(run)


def test_a_killed_run_is_finished_under_its_id(lab: Lab, fake_provider: FakeProvider) -> None:
    """
    Given a run that is killed,
    when it is resumed,
    then it ends with all rows, under the id that it had, and no answer that was on record is asked for again.
    """
    fake_provider.configure(latency_ms=30)
    killed(lab, fake_provider, 30, "run", "words", "--max-concurrency", str(IN_FLIGHT))
    recorded, sent = lab.bought(), fake_provider.sent_count
    assert recorded
    fake_provider.configure(latency_ms=0)

    end = lab.command("resume", "last", "--json")

    print(end.err)
    assert end.code == 0, end.err
    assert end.summary["trials"]["passed"] == ROWS
