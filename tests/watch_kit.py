"""`promptlab watch` in a terminal of its own: files are saved, turns come as JSON, the provider counts."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self

from promptlab.live.watching.settling import YOUNG
from tests.fakes import FakeProvider
from tests.lab import Lab, environment
from tests.terminal_kit import InTerminal, in_terminal

WAIT = 60
ROWS = 4
_NAMES = (f"p{number}" for number in count())

PIPELINE: dict[str, Any] = {
    "version": 1,
    "inputs": {"word": "string"},
    "model": "fake/model-1",
    "params": {"max_tokens": 50},
}


type Save = Callable[[Path, str], object]


def at_once(path: Path, text: str) -> None:
    path.write_text(text)


def in_pieces(path: Path, text: str) -> None:
    with path.open("w") as file:
        for start in range(0, len(text), 40):
            file.write(text[start : start + 40])
            file.flush()


def truncated_first(path: Path, text: str) -> None:
    with path.open("r+") as file:
        file.truncate(0)
        file.flush()
        file.write(text)


def over_the_old(path: Path, text: str) -> None:
    with path.open("r+b") as file:
        file.write(text.encode())
        file.truncate()


def by_a_new_file(path: Path, text: str) -> None:
    new = path.with_name(f".{path.name}.swap")
    new.write_text(text)
    new.rename(path)


def after_a_backup(path: Path, text: str) -> None:
    path.rename(path.with_name(f"{path.name}~"))
    path.write_text(text)


def after_a_deletion(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def after_a_probe(path: Path, text: str) -> None:
    probe = path.with_name("4913")
    probe.touch()
    probe.unlink()
    path.write_text(text)
    path.touch()


WAYS: tuple[Save, ...] = (
    at_once,
    in_pieces,
    truncated_first,
    over_the_old,
    by_a_new_file,
    after_a_backup,
    after_a_deletion,
    after_a_probe,
)


@dataclass
class Watched:
    """A running watch; `turn` gives what it says next."""

    lab: Lab
    fake: FakeProvider
    child: InTerminal
    turns: int = 0

    def save(self, path: str, content: object) -> Self:
        self.lab.write(path, content)
        return self

    def turn(self) -> dict[str, Any]:
        """Give the next turn; the numbers of turns leave none out."""
        self.child.expect(r"\{[^\n]*\}\r?\n")
        found: dict[str, Any] = json.loads(self.child.match.group())
        self.turns += 1
        return found

    def key(self, key: str) -> Self:
        self.child.send(key)
        return self

    def ended(self) -> int:
        """Wait for the end; give the exit code."""
        return self.child.code()

    def noted(self) -> str:
        """Give what was said on stderr."""
        return (self.lab.root / "stderr.txt").read_text()

    def until_noted(self, text: str) -> Self:
        """Wait until this was said on stderr."""
        deadline = time.monotonic() + WAIT
        while text not in self.noted():
            assert time.monotonic() < deadline, f"{text!r} is not in {self.noted()!r}"
            time.sleep(0.005)
        return self

    def asked(self, word: str = "") -> list[str]:
        """Give what the provider was asked that has `word` in it."""
        texts = [str(request.body["messages"][-1]["content"]) for request in self.fake.requests()]
        return [text for text in texts if word in text]


@dataclass
class Pipeline:
    """A pipeline of its own in a shared watch; `name` is in each of its questions."""

    watched: Watched
    name: str = field(default_factory=lambda: next(_NAMES))
    first: dict[str, Any] = field(default_factory=dict)

    @property
    def prompt(self) -> str:
        return f"prompts/{self.name}.j2"

    @property
    def path(self) -> str:
        return f"pipelines/{self.name}.yaml"

    @property
    def rows(self) -> str:
        return f"data/{self.name}.jsonl"

    def text(self, words: str = "Say") -> str:
        return f"{words} {{{{ word }}}} {self.name}\n"

    def write_rows(self, *words: str) -> None:
        lines = (json.dumps({"id": f"r{index}", "word": word}) for index, word in enumerate(words))
        self.save(self.rows, "\n".join(lines) + "\n")

    def begin(self, **changes: Any) -> Self:
        """Write the pipeline, and see it run for the first time."""
        step = {"id": "say", "prompt": self.prompt, "checks": [{"contains": "{{ word }}"}]}
        self.save(self.prompt, self.text())
        self.write_rows(*(f"word{index}" for index in range(ROWS)))
        self.save(self.path, {**PIPELINE, "dataset": self.rows, "steps": [step], **changes})
        self.first = self.turn()
        return self

    def save(self, path: str, content: object) -> Self:
        self.watched.save(path, content)
        return self

    def turn(self) -> dict[str, Any]:
        """Give the next turn that is about this pipeline: its run, with the files that were saved."""
        while True:
            turn = self.watched.turn()
            runs = [run for run in turn["runs"] if run["pipeline"] == self.name]
            about = any(problem.get("file", "").find(self.name) >= 0 for problem in turn["problems"])
            if runs or about:
                files = [file["path"] for file in turn["files"]]
                return {**(runs[0] if runs else {}), "files": files, "turn": turn}

    def turn_of(self, save: Callable[[], object]) -> dict[str, Any]:
        """Save, and give the turn that runs it: the only one, unless we were held up half-way."""
        began = time.monotonic()
        save()
        was_held_up = time.monotonic() - began > YOUNG
        turn = self.turn()
        while was_held_up and not turn["turn"]["runs"]:
            turn = self.turn()
        return turn

    def sent(self) -> int:
        """Give how many requests of this pipeline reached the provider."""
        return len(self.watched.asked(self.name))

    def end(self) -> None:
        (self.watched.lab.root / self.path).unlink(missing_ok=True)


@contextmanager
def watch(
    lab: Lab, fake: FakeProvider, *arguments: str, as_json: bool = True, **env: str
) -> Iterator[Watched]:
    """Start the command in a terminal; its stderr goes to a file where its turns are JSON."""
    words = ["watch", *arguments, *(["--json"] if as_json else [])]
    stderr = lab.root / "stderr.txt" if as_json else None
    env = {**environment(), "TERM": "xterm-256color", **env}
    with in_terminal(lab.root, words, env, size=(40, 200), seconds=WAIT, stderr=stderr) as child:
        yield Watched(lab, fake, child)


def git(root: Path, *arguments: str) -> None:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-C", str(root), *arguments]
    subprocess.run(command, check=True, capture_output=True)
