"""The command line as tests use it: in this process, or as the installed command in one of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from promptlab.cli.boundary import run
from tests.warm_kit import Forked, forked

PROMPTLAB = str(Path(sys.executable).with_name("promptlab"))
ECHO = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset:
  - {word: hello}
  - {word: other}
steps:
  - id: say
    messages: [{role: user, content: "{{ word }}!"}]
    checks: [{contains: hello}]
"""
GREEN = ECHO.replace("{contains: hello}", '{contains: "!"}')
ASK = ECHO.replace("echo/echo", "openai/gpt-4o-mini")


def write_project(folder: Path, **pipelines: str) -> None:
    """Write a promptlab.yaml and these pipelines, by name."""
    (folder / "promptlab.yaml").write_text("version: 1\n")
    (folder / "pipelines").mkdir(exist_ok=True)
    for name, text in pipelines.items():
        (folder / "pipelines" / f"{name}.yaml").write_text(text)


@dataclass(frozen=True, slots=True)
class Said:
    """What a command ended with and wrote."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def objects(self) -> list[Any]:
        return [json.loads(line) for line in self.out.split("\n") if line]


@dataclass(frozen=True, slots=True)
class Cli:
    """promptlab in the project at `folder`."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def write(self, **pipelines: str) -> None:
        """Write a promptlab.yaml and these pipelines, by name."""
        write_project(self.folder, **pipelines)

    def __call__(self, *arguments: str) -> Said:
        """Run the command line in this process."""
        self.capture.readouterr()
        code = run(arguments)
        captured = self.capture.readouterr()
        return Said(code, captured.out, captured.err)

    def process(self, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
        """Run the command in a process of its own, which need not import anything."""
        started = self.start(*arguments, env=env)
        out, err = started.communicate(timeout=60)
        return Said(started.returncode, out, err)

    def start(self, *arguments: str, env: Mapping[str, str] | None = None) -> Forked:
        """Start such a process; its environment is ours, with `env`."""
        return forked(self.folder, arguments, {**os.environ, **(env or {})})

    def shell(self, script: str, *arguments: str, env: Mapping[str, str] | None = None) -> Said:
        """Run a script of bash in the project; `$0` is promptlab unless an argument says otherwise."""
        done = subprocess.run(
            ["bash", "-c", script, *(arguments or (PROMPTLAB,))],
            cwd=self.folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)
