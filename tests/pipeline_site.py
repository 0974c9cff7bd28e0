"""A project to look at: pipelines of all kinds, prompts with a history in git, and runs at its commits."""

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from promptlab.schemas.log import RunEnd, SourceFile
from tests.affected_kit import Repository
from tests.look_kit import SCRIPT, recorded, trial
from tests.run_log_kit import START, log_in

KEY = "sk-live-0123456789abcdef"
FIRST = f"---\ndescription: Greet <i>.\n---\nSay {{{{ word }}}} to them.\n{{# {SCRIPT} #}}\nkey: {KEY}\n"
SECOND = FIRST.replace("to them", "to your friend")
PIPELINE = """\
version: 1
name: greet
description: Greet <i> people.
tags: [demo]
inputs: {word: string}
dataset: [{word: hello}, {word: moin}]
model: echo/echo
variants: {base: {}, terse: {steps: {say: {prompt: prompts/terse.j2}}}}
steps:
  - id: say
    prompt: prompts/greet.j2
    checks: [{contains: "{{ word }}"}]
  - id: loud
    when: say.output != 'x'
    foreach: "[1, 2]"
    steps:
      - id: shout
        messages: [{role: user, content: "{{ say.output }}"}]
  - id: call
    pipeline: pipelines/inner.yaml
    with: {word: "{{ word }}"}
"""
INNER = """\
version: 1
inputs: {word: string}
steps:
  - id: repeat
    messages: [{role: user, content: "{{ word }}"}]
"""
BROKEN = """\
version: 1
model: echo/echo
inputs: {word: string}
dataset: [{word: a}]
steps:
  - id: say
    prompt: prompts/slip.j2
  - id: other
    messages: [{role: user, content: "{{ wrod }}"}]
"""
FILES = {
    "promptlab.yaml": "version: 1\n",
    "pipelines/greet_people.yaml": PIPELINE,
    "pipelines/inner.yaml": INNER,
    "pipelines/broken.yaml": BROKEN,
    "prompts/greet.j2": FIRST,
    "prompts/terse.j2": "{{ word }}\n",
    "prompts/slip.j2": "Say\n{{ wrd }}\n",
    "prompts/unused.j2": "Nobody.\n",
}
RATES = (0.25, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Shown:
    """A project at `root`, its commits and the runs of `greet`, the oldest first."""

    root: Path
    commits: list[str]
    runs: list[str]


def folder_with_pipelines(folder: Path) -> Shown:
    repository = Repository(folder)
    repository.start(FILES)
    repository.git("config", "core.autocrlf", "false")
    commits = [repository.git("rev-parse", "HEAD")]
    repository.write("prompts/greet.j2", SECOND)
    commits.append(repository.commit())
    return Shown(folder, commits, asyncio.run(_runs(folder, commits)))


async def _runs(root: Path, commits: list[str]) -> list[str]:
    """Record a run at the first commit, and two at the second."""
    used = ((FIRST, commits[0]), (SECOND, commits[1]), (SECOND, commits[1]))
    with log_in(root) as log:
        return [
            await recorded(log, _start(text, commit), [trial(0), trial(0, "few-shot")], _end(rate))
            for (text, commit), rate in zip(used, RATES, strict=True)
        ]


def _start(text: str, commit: str) -> Any:
    files = (
        SourceFile("prompts/greet.j2", "prompt", text.encode()),
        SourceFile("pipelines/greet_people.yaml", "pipeline", PIPELINE.encode()),
        SourceFile("data/rows.jsonl", "data", str(len(text)).encode()),
    )
    return replace(START, pipeline="greet", note=SCRIPT, git_commit=commit, git_dirty=False, files=files)


def _end(rate: float) -> RunEnd:
    cells = {"base": {"pass_rate": rate, "latency_ms": 100 / rate}, "few-shot": {"pass_rate": 0.5}}
    metrics = {"pass_rate": (rate + 0.5) / 2, "latency_ms": 80.0, "cells": cells}
    return RunEnd(status="passed", seconds=1.0, metrics=metrics)  # type: ignore[arg-type]
