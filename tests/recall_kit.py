"""A project whose pipeline is edited and run again: what was asked, by the provider's journal, and why."""

import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from promptlab.core.files import OWN_FOLDER
from promptlab.core.json import digest
from promptlab.reports.why import why
from promptlab.schemas.explained import Change
from promptlab.schemas.run import MISSING
from tests.cli_kit import Cli, Said
from tests.fakes import FakeProvider, ReceivedRequest
from tests.lab import Lab, asked_for

type Cell = tuple[str, str]

ROWS = tuple(
    {"id": f"r{number}", "ticket": f"ticket-{number}", "tier": f"tier-{number}"} for number in range(4)
)
CLASSIFY = {"id": "classify", "prompt": "prompts/classify.j2"}
REPLY = {"id": "reply", "prompt": "prompts/reply.j2"}
NOTE = {"id": "note", "prompt": "prompts/note.j2"}
PIPELINE: dict[str, Any] = {
    "version": 1,
    "name": "desk",
    "inputs": {"ticket": "string", "tier": "string"},
    "dataset": "data/rows.jsonl",
    "model": "fake/model-1",
    "params": {"max_tokens": 50},
    "steps": [CLASSIFY, REPLY, NOTE],
}
PROMPTS = {
    "classify": "{% include 'style.j2' %} Sort {{ ticket }}.",
    "style": "Be brief.",
    "reply": "Reply to {{ ticket }}, which is '{{ classify.output }}'.",
    "note": "Note {{ tier }}.",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """One run of the command: what it said, and what reached the provider meanwhile."""

    said: Said
    requests: Sequence[ReceivedRequest]

    @property
    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = self.said.json
        return found

    @property
    def asked(self) -> list[str]:
        """The last message of each request, sorted."""
        return sorted(asked_for(self.requests))

    @property
    def why(self) -> dict[Cell, str]:
        """What `--explain` says of each row and step (a check stands behind its step).

        What follows a row id is its cell and its repeat.
        """
        return {
            (_row(one), "/".join(filter(None, (one["step"], one["check"])))): why(
                [_change(each) for each in one["changes"]]
            )
            for one in self.explained
        }

    @property
    def explained(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.summary["explained"]
        return found


@dataclass(frozen=True, slots=True)
class FirstRuns:
    """First runs, each made once: whoever would make one again is given the folder and turn of it."""

    folder: Path
    _turns: dict[str, Turn] = field(default_factory=dict)

    def turn(self, desk: "Desk", arguments: Sequence[str], make: Callable[[], Turn]) -> Turn:
        """Give what `make` does in the desk's project, which has no run as yet."""
        if "PROMPTLAB_DATABASE_URL" in os.environ or _counts(desk.provider):
            return make()
        files = [path for path in sorted(desk.lab.root.rglob("*")) if path.is_file()]
        given = {str(path.relative_to(desk.lab.root)): path.read_bytes().hex() for path in files}
        key = digest([given, list(arguments), json.dumps(desk.provider.told)])
        kept = self.folder / key
        if key not in self._turns:
            self._turns[key] = make()
            shutil.copytree(desk.lab.root, kept)
        else:
            shutil.copytree(kept, desk.lab.root, dirs_exist_ok=True)
        return self._turns[key]


@dataclass
class Desk:
    """The project, the command in it, and the provider. A fresh one has no run."""

    cli: Cli
    provider: FakeProvider
    lab: Lab
    firsts: FirstRuns
    _seen: int = field(default=0)

    @classmethod
    def made(cls, cli: Cli, provider: FakeProvider, firsts: FirstRuns) -> "Desk":
        desk = cls(cli, provider, Lab(cli.folder, provider.base_url), firsts)
        for name, text in PROMPTS.items():
            desk.prompt(name, text)
        desk.rows(*ROWS)
        desk.pipeline()
        return desk

    def write(self, path: str, content: object) -> None:
        self.lab.write(path, content)

    def prompt(self, name: str, text: str) -> None:
        self.write(f"prompts/{name}.j2", text)

    def pipeline(self, *steps: Mapping[str, Any], **changes: object) -> None:
        """Write the pipeline, with other steps or other keys."""
        made = {**PIPELINE, **({"steps": steps} if steps else {}), **changes}
        self.write("pipelines/desk.yaml", {key: value for key, value in made.items() if value is not None})

    def rows(self, *rows: Mapping[str, Any]) -> None:
        self.write("data/rows.jsonl", "".join(f"{json.dumps(row)}\n" for row in rows))

    def settings(self, **settings: object) -> None:
        """Write promptlab.yaml with other keys."""
        said = json.loads((self.lab.root / "promptlab.yaml").read_text())
        self.write("promptlab.yaml", {**said, **settings})

    def run(self, *arguments: str, expect: int = 0) -> Turn:
        """Run the pipeline with `--explain --json`; the first run may have been made for another test."""
        if (self.lab.root / OWN_FOLDER).exists():
            return self._run(arguments, expect)
        return self.firsts.turn(self, arguments, lambda: self._run(arguments, expect))

    def _run(self, arguments: Sequence[str], expect: int) -> Turn:
        said = self.cli("run", "desk", "--explain", "--json", *arguments)
        assert said.code == expect, said.err
        requests = self.provider.requests()[self._seen :]
        self._seen += len(requests)
        return Turn(said, requests)


def cells(*steps: str, rows: Sequence[str] = ("r0", "r1", "r2", "r3")) -> set[Cell]:
    return {(row, step) for row in rows for step in steps}


def _counts(provider: FakeProvider) -> bool:
    """Whether its answers hang on how often it was asked."""
    return any("nth" in rule or "first" in rule for rule in provider.told.get("script", ()))


def _row(one: Mapping[str, Any]) -> str:
    variant = f" {one['variant']}" if one["variant"] != "base" else ""
    repeat = f" #{one['repeat'] + 1}" if one["repeat"] else ""
    return f"{one['row_id']}{variant}{repeat}"


def _change(one: Mapping[str, Any]) -> Change:
    return Change(one["cause"], one["what"], one.get("old", MISSING), one.get("new", MISSING))
