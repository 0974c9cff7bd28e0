"""A whole engine in memory: a pipeline as a map, a scripted provider, plain functions, a virtual clock."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from inspect import isawaitable
from typing import Any

from jinja2 import StrictUndefined, UndefinedError
from jinja2.sandbox import SandboxedEnvironment
from pydantic import ValidationInfo

from promptlab.core.json import JSON
from promptlab.engine.assembly import Engine, RunOptions, assemble
from promptlab.engine.brake import Brake
from promptlab.engine.call_log import CallLog, MemoryCallLog
from promptlab.engine.catalog import STEPS
from promptlab.engine.check_reading import read_check
from promptlab.engine.compiling import compile_cell
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Tool
from promptlab.engine.function import Function, FunctionError
from promptlab.engine.plan import Cell, CellSpec, Plan, Target
from promptlab.engine.provider import ModelProfile, Provider
from promptlab.engine.scope import Names, RenderFailed
from promptlab.engine.step import Step
from promptlab.engine.tool import ProjectTool
from promptlab.live.counts import RunCounts
from promptlab.schemas.dataset import Row
from promptlab.schemas.events import Event, RunStopped, TrialFinished
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.run import StepResult, TrialResult
from promptlab.schemas.template import Template
from tests.scripted import Heard, ScriptedProvider, VirtualClock

type PythonFunction = Callable[..., Any]

SCHEMAS: Mapping[str, dict[str, JSON]] = {
    "status": {"type": "object", "properties": {"order": {"type": "string"}}, "required": ["order"]}
}

_jinja = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False)


async def render(template: Template, names: Names) -> JSON:
    """Render in this process; what the template process adds to it is tested with that."""
    try:
        value: JSON = _compiled(template)(**names.values, **names.steps)
    except UndefinedError as error:
        raise RenderFailed(f"{template.name}: {error}") from error
    else:
        return value


@lru_cache(maxsize=1000)
def _compiled(template: Template) -> Callable[..., Any]:
    source = template.source.strip()
    if template.kind == "value" and source.startswith("{{") and source.endswith("}}"):
        source = source[2:-2]
    elif template.kind != "expression":
        return _jinja.from_string(template.source).render
    return _jinja.compile_expression(source, undefined_to_none=False)


@dataclass(frozen=True, slots=True)
class Resolver:
    """What a pipeline of these tests may name."""

    functions: Mapping[str, PythonFunction]

    def step(self, source: JSON, info: ValidationInfo) -> Any:
        assert isinstance(source, dict)
        kind = next(name for name in STEPS.names() if name in source)
        return STEPS.get(kind).model_validate(source, context=info.context)

    def check(self, source: JSON, info: ValidationInfo) -> Any:
        return read_check(source, info.context)

    def function(self, reference: str) -> Function:
        path, _, name = reference.partition(":")
        return Function(path, name, "", (), True, False, 1, f"digest of {reference}", ())

    def tool(self, reference: str) -> ProjectTool:
        function = self.function(reference)
        parameters = SCHEMAS.get(function.name, {"type": "object"})
        return ProjectTool(function, Tool(function.name, f"does {function.name}", parameters))

    def json_schema(self, source: JSON) -> Any:
        return source

    def prompt(self, path: str) -> Any:
        raise NotImplementedError(path)

    def pipeline(self, path: str) -> Any:
        raise NotImplementedError(path)


@dataclass
class Bench:
    """Runs a pipeline; `run` gives its trials in order, the rest is there to look at afterwards."""

    pipeline: Mapping[str, Any]
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)
    rows: Sequence[Mapping[str, JSON]] = ({},)
    functions: Mapping[str, PythonFunction] = field(default_factory=dict)
    options: RunOptions = field(default_factory=RunOptions)
    log: CallLog = field(default_factory=MemoryCallLog)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    problem: str | None = None

    def __post_init__(self) -> None:
        self.clock, self.heard, self.counts = VirtualClock(), Heard(), RunCounts()
        self.called: list[str] = []
        self.brake = Brake(on_pull=lambda stop: self.emit(RunStopped(stop.kind, stop.reason)))
        self.plan = self._plan()
        self.engine: Engine = assemble(
            self.options,
            log=self.log,
            render=render,
            call=self._call,
            brake=self.brake,
            emit=self.emit,
            clock=self.clock,
        )

    def emit(self, event: Event) -> None:
        self.counts(event)
        self.heard(event)

    async def run(self) -> list[TrialResult]:
        await asyncio.wait_for(self.engine.runner.run(self.plan), timeout=20)
        await self.engine.drain(patience=5)
        return sorted(self.trials, key=lambda trial: (trial.key.row, trial.key.cell, trial.key.repeat))

    async def run_one(self) -> dict[str, StepResult]:
        (trial,) = await self.run()
        return {step.id: step for step in trial.steps}

    @property
    def trials(self) -> list[TrialResult]:
        return [event.result for event in self.heard.of(TrialFinished)]

    def _plan(self) -> Plan:
        context = {"resolver": Resolver(self.functions)}
        given = {"version": 1, "model": "scripted/m", **self.pipeline}
        spec = PipelineSpec.model_validate(given, context=context)
        judged = {step.id: _judged(step) - {step.id, *step.needs} for step in spec.steps}
        needs = {step.id: judged[step.id].union(step.needs) for step in spec.steps}
        cell: Cell = compile_cell(CellSpec("base", "base", {}, spec, needs, judged), self._target)
        rows = [
            Row(index, str(index), row, {**row, "row_number": index}, index + 1)
            for index, row in enumerate(self.rows)
        ]
        return Plan("bench", (cell,), lambda: iter(rows), len(rows))

    def _target(self, step: CompletionStep, spec: PipelineSpec) -> Target:
        name, _, model = (step.model or spec.model or "").partition("/")
        provider = self.providers.get(name, self.provider)
        profile: ModelProfile = provider.profile(model)
        params = provider.wire_params(model, step.params.over(spec.params))
        return Target(provider, profile, params, self.problem)

    async def _call(
        self,
        function: Function,
        arguments: Mapping[str, JSON],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as the protocol has it
    ) -> JSON:
        del timeout
        self.called.append(function.name)
        try:
            found = self.functions[function.reference](**arguments)
            value: JSON = await found if isawaitable(found) else found
        except ValueError as error:
            raise FunctionError(str(error)) from error
        else:
            return value


def _judged(step: Step) -> frozenset[str]:
    return frozenset(name for check in step.checks for _, name in check.places_named())


def ask(step_id: str, text: str = "say {{ word }}", **options: Any) -> dict[str, Any]:
    """Give a step that asks the model."""
    return {"id": step_id, "messages": [{"role": "user", "content": text}], **options}


def statuses(steps: Mapping[str, StepResult]) -> dict[str, str]:
    return {name: step.status for name, step in steps.items()}
