"""A project in a folder, run over real parts: the loader, a real SQLite log, real HTTP, the real command."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.live.project_log import open_log
from promptlab.live.running import RunRequest, run_loaded
from promptlab.loader.loading import load_pipeline
from promptlab.loader.project import open_project
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import RunSummary
from promptlab.schemas.run import TrialResult
from tests.fakes import FakeProvider, ReceivedRequest
from tests.warm_kit import Forked, forked

KEY = "fake-test-key"
INPUT_PRICE, OUTPUT_PRICE = 1.0, 2.0
PIPELINE: dict[str, Any] = {
    "version": 1,
    "name": "words",
    "inputs": {"word": "string"},
    "dataset": "data/rows.jsonl",
    "model": "fake/model-1",
    "params": {"max_tokens": 50},
    "steps": [{"id": "say", "prompt": "prompts/say.j2", "checks": [{"contains": "{{ word }}"}]}],
}


@dataclass
class Lab:
    """`entry` completes the provider's entry in promptlab.yaml; `FAKE_KEY` holds its key.

    `database`: the address of the log, where that is not the project's own file.
    """

    root: Path
    base_url: str
    entry: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    trials: list[TrialResult] = field(default_factory=list)
    database: str | None = None

    def __post_init__(self) -> None:
        entry = {"type": "openai", "base_url": self.base_url, "api_key": "${FAKE_KEY}", **self.entry}
        prices = {"fake/*": {"input": INPUT_PRICE, "output": OUTPUT_PRICE}}
        settings = {"version": 1, "providers": {"fake": entry}, "prices": prices, **self.settings}
        self.write("promptlab.yaml", settings)
        self.write("prompts/say.j2", "Say {{ word }}")
        self.write("pipelines/words.yaml", PIPELINE)
        self.write_rows(10)
        if self.database is not None:
            self.write_env()

    def write_env(self, key: str = "") -> None:
        """Write the settings that commands do not get from their environment."""
        log = f"PROMPTLAB_DATABASE_URL={self.database}\n" if self.database else ""
        self.write(".env", log + (f"FAKE_KEY={key}\n" if key else ""))

    def write(self, path: str, content: object) -> None:
        """Write a file; what is no text is written as JSON, which is YAML too."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))

    def write_pipeline(self, **changes: object) -> None:
        self.write("pipelines/words.yaml", {**PIPELINE, **changes})

    def write_rows(self, number: int) -> None:
        lines = (json.dumps({"id": f"r{index}", "word": f"word-{index:04}."}) for index in range(number))
        self.write("data/rows.jsonl", "\n".join(lines))

    def run(
        self, *, key: str = KEY, heard: Callable[[Event], None] = lambda _: None, **request: Any
    ) -> RunSummary:
        """Run the pipeline in this process; its trials are in `trials`, and `heard` hears what happens."""
        self.write_env(key)
        project = open_project(str(self.root / "pipelines/words.yaml"))
        targets = project.targets()
        loaded = load_pipeline(project.files, "pipelines/words.yaml", targets)
        self.trials = []
        with open_log(project) as log:
            wanted = RunRequest(**request)
            running = run_loaded(project, loaded, targets, wanted, log=log, listeners=[self._listen, heard])
            return asyncio.run(running)

    def _listen(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            self.trials.append(event.result)

    def start(self, *arguments: str, key: str | None = KEY) -> Forked:
        """Start the real command in a process of its own, which need not import anything."""
        return forked(self.root, arguments, environment(key))

    def command(
        self, *arguments: str, key: str | None = KEY, preexec: Callable[[], None] | None = None
    ) -> "Ended":
        """Give the command to its end; with `preexec` in a process that is begun from nothing."""
        if preexec is None:
            return ended(self.start(*arguments, key=key))
        done = subprocess.run(
            [sys.executable, "-m", "promptlab", *arguments],
            cwd=self.root,
            env=environment(key),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=preexec,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def log_path(self) -> Path:
        return self.root / ".promptlab" / "lab.db"

    def query(self, sql: str, *values: object) -> list[Any]:
        if self.database is not None:
            from tests.postgres_kit import query  # noqa: PLC0415 - few labs have one

            return query(self.database, sql.replace("?", "%s"), *values)
        with closing(sqlite3.connect(self.log_path)) as connection:
            return connection.execute(sql, values).fetchall()

    def bought(self) -> set[str]:
        """Give the texts of all recorded answers."""
        return {text for (text,) in self.query("select text from completions")}

    def states(self) -> dict[str, int]:
        """Count the attempts by how they ended."""
        return dict(self.query("select state, count(*) from attempts group by state"))


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


def environment(key: str | None = KEY) -> dict[str, str]:
    """Give what commands see: no settings of this machine, and the fake provider's key."""
    ours = ("PROMPTLAB_", "OPENAI_", "ANTHROPIC_", "FAKE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | ({"FAKE_KEY": key} if key is not None else {})


def ended(process: Forked, *, wait: float = 60) -> Ended:
    out, err = process.communicate(timeout=wait)
    return Ended(process.returncode, out, err)


def interrupt(process: Forked, number: signal.Signals = signal.SIGINT) -> float:
    """Send a signal; give when."""
    process.send_signal(number)
    return time.monotonic()


def asked_for(requests: Sequence[ReceivedRequest]) -> list[str]:
    """Give the last message of each request."""
    return [request.body["messages"][-1]["content"] for request in requests]


def paid(provider: FakeProvider) -> float:
    """Give what the provider charged, by its own journal."""
    usages = [request.usage for request in provider.requests() if request.usage is not None]
    return sum(u["input_tokens"] * INPUT_PRICE + u["output_tokens"] * OUTPUT_PRICE for u in usages) / 1e6
