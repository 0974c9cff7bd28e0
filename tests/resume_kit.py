"""Runs that end too early; reports without what must differ: times, ids, and doubtful spending."""

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from time import monotonic, sleep
from typing import Any

from sqlalchemy import select

import promptlab
from promptlab.live.project_log import open_log
from promptlab.live.reporting import run_report, stored_summary
from promptlab.loader.project import open_project
from promptlab.models import Run
from promptlab.reports import REPORTS
from promptlab.schemas.report import RunSummary
from promptlab.services.runs import RunService
from tests.fakes import FakeProvider
from tests.lab import KEY, Ended, Lab, ended

IN_FLIGHT = 8
TIMES = re.compile(r"seconds|latency_ms.*|throttle|run_id|command")
NOTES = '''\
from pathlib import Path

def note(word: str) -> dict[str, str]:
    with Path("notes.txt").open("a") as notes:
        notes.write(f"{word}\\n")
    return {"word": word}

def look(word: str) -> str:
    """Look a word up."""
    with Path("looks.txt").open("a") as looks:
        looks.write(f"{word}\\n")
    return f"{word} is a word"
'''
RICH: Mapping[str, Any] = {
    "steps": [
        {"id": "note", "python": "tools/notes.py:note", "with": {"word": "{{ word }}"}},
        {
            "id": "parts",
            "foreach": "['first', 'second']",
            "steps": [{"id": "part", "messages": [{"role": "user", "content": "{{ item }} {{ word }}"}]}],
        },
        {
            "id": "reply",
            "messages": [
                {"role": "user", "content": "Reply to {{ note.output.word }}, {{ parts.output[1] }}"}
            ],
            "tools": ["tools/notes.py:look"],
            "checks": [{"contains": "{{ word }}"}],
        },
    ]
}


def killed(lab: Lab, provider: FakeProvider, after: int, *arguments: str, in_flight: int = IN_FLIGHT) -> None:
    """Start a command and kill it once so many more requests have come; it comes not much further."""
    script, first = provider.told.get("script", ()), provider.sent_count
    too_late = range(after + in_flight, after + 2 * in_flight)
    provider.script({"nth": list(too_late), "fault": "hang"}, *script)
    run = lab.start(*arguments, "--max-concurrency", str(in_flight))
    provider.wait_for_requests(first + after)
    run.kill()
    ended(run)
    if lab.database is not None:
        until_given_back(lab)
    provider.script(*script)


def until_given_back(lab: Lab) -> None:
    """Wait for a database server to see that a process is gone; a file system knows at once."""
    with open_log(open_project(root=lab.root)) as log, log.reading() as session:
        begun = session.scalars(select(Run.id).where(Run.status == "running")).all()
        until = monotonic() + 60
        while any(map(log.is_running, begun)) and monotonic() < until:
            sleep(0.01)


def reports(lab: Lab, run: str = "last") -> dict[str, Any]:
    """Give the four reports of a run without times, ids, and what attempts of unknown outcome took."""
    with open_log(open_project(root=lab.root)) as log:
        with log.reading() as session:
            record = RunService(session, is_running=log.is_running).find(run)
        with run_report(log, stored_summary(log, record), lab.root) as source:
            return {kind: read("".join(REPORTS.get(kind)(source))) for kind, read in READERS.items()}


def _from_json(text: str) -> Any:
    found = json.loads(text)
    del found["at_risk_usd"], found["calls"]["attempts"]
    found["spent_usd"] = round(found["spent_usd"], 9)
    return without_times(found)


def _from_jsonl(text: str) -> Any:
    return [without_times(json.loads(line)) for line in text.split("\n") if line]


def _from_csv(text: str) -> Any:
    return [without_times(row) for row in csv.DictReader(io.StringIO(text, newline=""))]


def _from_markdown(text: str) -> str:
    return re.sub(r"spent .*, in .*\. Run <code>\w+</code>", "", text)


READERS: Mapping[str, Callable[[str], Any]] = {
    "json": _from_json,
    "jsonl": _from_jsonl,
    "csv": _from_csv,
    "markdown": _from_markdown,
}


def without_times(value: Any) -> Any:
    """Take times and ids out, at any depth; sums of floats are as their order makes them."""
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if not TIMES.fullmatch(key)}
    if isinstance(value, float):
        return round(value, 12)
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def resumed(lab: Lab, *arguments: str) -> Ended:
    """Resume the newest run with the real command."""
    return lab.command("resume", "last", "--json", *arguments)


def run_here(lab: Lab, **arguments: Any) -> RunSummary:
    """Run the pipeline in this process, as programs do."""
    lab.write_env(KEY)
    return promptlab.run(lab.root / "pipelines/words.yaml", **arguments).summary


def resume_here(lab: Lab, run: str = "last", **arguments: Any) -> RunSummary:
    lab.write_env(KEY)
    return promptlab.resume(run, project=lab.root, **arguments).summary


def assert_same(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compare reports kind by kind, the trials of the JSON report one by one."""
    for kind in READERS:
        if kind == "json":
            assert found[kind].pop("results") == wanted[kind].pop("results")
        assert found[kind] == wanted[kind]
