"""Loads pipelines from text in memory, and tells their problems in one line each."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from textwrap import dedent

from promptlab.core.config import settle
from promptlab.core.environment import Environment
from promptlab.engine.plan import Cell
from promptlab.engine.providers.factory import build_provider
from promptlab.engine.targets import Targets
from promptlab.loader.changes import NO_CHANGES, Changes
from promptlab.loader.files import ProjectFiles
from promptlab.loader.loading import LoadedPipeline, check_pipeline
from promptlab.loader.problems import Problem, Problems
from promptlab.loader.sources import Memory

PATH = "pipelines/p.yaml"


@dataclass
class Loaded:
    """What came of loading a pipeline."""

    pipeline: LoadedPipeline | None
    found: list[Problem] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """Give `line:column: message` for the pipeline's own, `file:line:column: message` for others."""
        return [f"{_file(one)}{one.line}:{one.column}: {one.message}" for one in self.found]

    @property
    def messages(self) -> list[str]:
        return [problem.message for problem in self.found]

    @property
    def hints(self) -> list[str | None]:
        return [problem.hint for problem in self.found]

    @property
    def ready(self) -> LoadedPipeline:
        assert self.problems == []
        assert self.pipeline is not None
        return self.pipeline

    @property
    def cells(self) -> dict[str, Cell]:
        return {cell.name: cell for cell in self.ready.cells}


def load(
    pipeline: str,
    files: Mapping[str, str | bytes] | None = None,
    changes: Changes = NO_CHANGES,
    *,
    model: str | None = "echo/echo",
) -> Loaded:
    """Load a pipeline; `files` lie beside it, `model` is the project's default."""
    contents: dict[str, str | bytes] = {PATH: pipeline, **(files or {})}
    source = Memory({name: _bytes(content) for name, content in contents.items()})
    settings = settle(None, environment=Environment())
    targets = Targets(partial(build_provider, settings=settings), default=model)
    problems = Problems()
    loaded = check_pipeline(ProjectFiles(source), PATH, targets, problems, changes)
    return Loaded(loaded, list(problems))


def with_step(step: str, **files: str) -> Loaded:
    """Load a pipeline with the input `ticket` and one step beside `first`, which has an enum."""
    lines = dedent(step).strip().splitlines()
    return load("\n".join((*FRAME.strip("\n").splitlines(), *(f"    {line}" for line in lines))), files)


FRAME = """
version: 1
inputs: {ticket: string}
dataset: [{ticket: hello, label: a}]
steps:
  - id: first
    messages: [{role: user, content: "{{ ticket }}"}]
    output: {enum: [a, b]}
  -
"""


def _bytes(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode()


def _file(problem: Problem) -> str:
    return "" if problem.file == PATH else f"{problem.file}:"
