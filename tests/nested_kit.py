"""A loaded pipeline on a whole engine in memory: the real loader and templates, a scripted provider."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from jinja2.exceptions import TemplateError

from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.plan import Cell, Plan, PlannedStep
from promptlab.engine.scope import Names, RenderFailed
from promptlab.engine.templating.program import Program, Source
from promptlab.schemas.run import StepResult, TrialResult
from promptlab.schemas.template import Template
from tests.engine_kit import InMemory
from tests.loading_kit import load
from tests.scripted import ScriptedProvider


async def render(template: Template, names: Names) -> JSON:
    """Render with the real template environment, in this process."""
    source = Source(template.kind, template.source, template.name, template.library)
    steps: dict[str, dict[str, object]] = {name: dict(view) for name, view in names.steps.items()}
    try:
        return Program(source).render(names.values, steps)
    except TemplateError as error:
        raise RenderFailed(f"{template.name}: {error}") from error


def echo(request: CompletionRequest) -> str:
    """Answer with the last message."""
    return request.messages[-1].text


@dataclass
class Nested(InMemory):
    """Runs a pipeline that is written as a file."""

    pipeline: str
    files: Mapping[str, str] = field(default_factory=dict)
    provider: ScriptedProvider = field(default_factory=lambda: ScriptedProvider(echo))

    def __post_init__(self) -> None:
        with ThreadPoolExecutor(1) as beside:  # the loader has an event loop of its own
            loaded = beside.submit(load, self.pipeline, self.files, model="echo/m").result().ready
        cells = tuple(self._scripted(cell) for cell in loaded.cells)
        self.begin(Plan(loaded.name, cells, loaded.rows, loaded.row_count), render)

    async def run_one(self) -> TrialResult:
        (trial,) = await self.run()
        return trial

    def _scripted(self, cell: Cell) -> Cell:
        return replace(cell, steps=tuple(self._asking(planned) for planned in cell.steps))

    def _asking(self, planned: PlannedStep) -> PlannedStep:
        """Give a step, and those inside it, that ask the scripted provider."""
        inner, target = tuple(self._asking(one) for one in planned.inner), planned.target
        if target is not None:
            profile = self.provider.profile(target.profile.model)
            target = replace(target, provider=self.provider, profile=profile)
        return replace(planned, inner=inner, target=target)


def outputs(trial: TrialResult) -> dict[str, JSON]:
    """Give what each step made, by its path."""
    return {step.id: step.made for step in trial.all_steps}


def states(trial: TrialResult) -> dict[str, str]:
    return {step.id: step.status for step in trial.all_steps}


def step_of(trial: TrialResult, path: str) -> StepResult:
    return next(step for step in trial.all_steps if step.id == path)


def verdicts(trial: TrialResult) -> list[tuple[str | None, str, str]]:
    return [(verdict.step, verdict.name, verdict.status) for verdict in trial.all_verdicts]
