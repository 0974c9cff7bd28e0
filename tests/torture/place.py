"""A project to torture, and its run log seen from outside."""

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from promptlab.core.files import OWN_FOLDER
from promptlab.loader.schema_file import FILE, keep_schema_file
from tests.fakes import FakeProvider
from tests.lab import PIPELINE, Ended, Lab, asked_for
from tests.torture.commands import IN_FLIGHT, Command, Stop, Warm

ROWS = 6
FIRST, SECOND = "Say ", "Again "
CALLS = [PIPELINE["steps"][0], {"id": "again", "prompt": "prompts/again.j2"}]
RUBRIC = {"llm-rubric": "It says {{ word }}"}
WELL_JUDGED = {"body": "judge-1", "answer": '{"reason": "It does.", "pass": true, "score": 1}'}


class Place:
    """A project of two steps, of which the second asks with the answer of the first."""

    def __init__(self, root: Path, provider: FakeProvider, warm: Warm, *, rows: int = ROWS) -> None:
        self.lab = Lab(root, provider.base_url)
        self.lab.write("prompts/again.j2", SECOND + "{{ say.output }}")
        self.lab.write_pipeline(steps=CALLS)
        self.lab.write_rows(rows)
        self.lab.write(f"{OWN_FOLDER}/{FILE}", _schema_file())
        self.provider = provider
        self.rows = rows
        self._warm = warm

    def ask_judges(self) -> None:
        """Have a model judge what the first step says."""
        self.lab.write_pipeline(steps=[{**CALLS[0], "checks": [RUBRIC]}, CALLS[1]], judge="fake/judge-1")
        self.provider.script(WELL_JUDGED)

    @property
    def log(self) -> Path:
        return self.lab.log_path

    def start(self, *arguments: str, stop: Stop | None = None) -> Command:
        return self._warm.start(self.lab.root, *arguments, stop=stop)

    def say(self, *arguments: str) -> Ended:
        return self.start(*arguments).end()

    def start_run(self, *, stop: Stop | None = None) -> Command:
        return self.start("run", "words", "--max-concurrency", str(IN_FLIGHT), stop=stop)

    def start_next(self) -> Command:
        """Go on: by `resume` where a run is on record and not at its end, else by `run`."""
        last = self.query("SELECT status FROM runs ORDER BY id DESC LIMIT 1")
        is_open = bool(last) and last[0] != ("passed",)
        return self.start("resume", "last") if is_open else self.start_run()

    def go_on(self) -> Ended:
        return self.start_next().end()

    def asked(self) -> list[str]:
        """Give what the provider was asked, in order."""
        return asked_for(self.provider.requests())

    def report(self) -> list[dict[str, Any]]:
        """Give the trials of the last run without times, ids and what a crash may cost again."""
        said = self.say("report", "last", "--format", "jsonl")
        assert said.code == 0, said.err
        return [_comparable(json.loads(line)) for line in said.out.split("\n") if line]

    def recorded(self) -> Counter[str]:
        """Count the requests that have an answer on record."""
        return Counter(_asked(request) for (request,) in self.query("SELECT request FROM completions"))

    def attempts(self) -> Counter[str]:
        """Count the attempts by state."""
        return Counter(state for (state,) in self.query("SELECT state FROM attempts"))

    def query(self, sql: str) -> list[Any]:
        """Ask a copy of the log as it lies there; opening the log itself would mend it."""
        with self.copied() as copy, closing(sqlite3.connect(copy)) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            return connection.execute(sql).fetchall() if tables[0] or "PRAGMA" in sql else []

    @contextmanager
    def copied(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as name:
            for suffix in ("", "-wal", "-journal"):
                source = self.log.with_name(self.log.name + suffix)
                if source.exists():
                    shutil.copy(source, Path(name) / source.name)
            yield Path(name) / self.log.name


@cache
def _schema_file() -> str:
    """Give what each command would write in a new project, for half a second of CPU."""
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "pipelines").mkdir()
        keep_schema_file(Path(name))
        return (Path(name) / OWN_FOLDER / FILE).read_text()


def _asked(request: str) -> str:
    text: str = json.loads(request)["messages"][-1]["content"]
    return text


def _comparable(trial: dict[str, Any]) -> dict[str, Any]:
    steps = {
        name: _without(step, "latency_ms", "recalled", "attempts") for name, step in trial["steps"].items()
    }
    checks = [{**check, "asked": _asked_of_judges(check)} for check in trial["checks"]]
    return {**_without(trial, "spent_usd"), "steps": steps, "checks": checks}


def _asked_of_judges(check: dict[str, Any]) -> dict[str, Any] | None:
    asked: dict[str, Any] | None = check.get("asked")
    return asked and _without(asked, "latency_ms", "recalled")


def _without(value: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: part for name, part in value.items() if name not in names}
