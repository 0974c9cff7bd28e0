"""A whole engine in memory: a pipeline as a map, a scripted provider, plain functions, a virtual clock."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from promptlab.engine.function import Function, FunctionError, tell_nobody
from promptlab.engine.metric_reading import read_metric
from promptlab.engine.plan import Cell, CellSpec, Plan
from promptlab.engine.provider import ModelProfile, Provider
from promptlab.engine.scope import Names, Render, RenderFailed
from promptlab.engine.step import Step
from promptlab.engine.sub_pipeline import SubPipeline
from promptlab.engine.target import Target
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
    pipelines: Mapping[str, Any] = field(default_factory=dict)

    def step(self, source: JSON, info: ValidationInfo) -> Any:
        assert isinstance(source, dict)
        kind = next(name for name in STEPS.names() if name in source)
        return STEPS.get(kind).model_validate(source, context=info.context)

    def check(self, source: JSON, info: ValidationInfo) -> Any:
        return read_check(source, info.context)

    def metric(self, source: JSON, info: ValidationInfo) -> Any:
        return read_metric(source, info.context)

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

    def pipeline(self, path: str) -> SubPipeline:
        given = {"version": 1, **self.pipelines[path]}
        return SubPipeline(path, PipelineSpec.model_validate(given, context={"resolver": self}))


@dataclass(kw_only=True)
class InMemory:
    """An engine over a log in memory, on a virtual clock; `functions` are called by reference or name,
    as many at once as there are `places`.

    Whoever inherits from it says the plan. `run` gives the trials in order, the rest is there to look at
    afterwards.
    """

    functions: Mapping[str, PythonFunction] = field(default_factory=dict)
    options: RunOptions = field(default_factory=RunOptions)
    log: CallLog = field(default_factory=MemoryCallLog)
    places: asyncio.Semaphore | None = None

    def begin(self, plan: Plan, render: Render) -> None:
        self.plan = plan
        self.clock, self.heard, self.counts = VirtualClock(), Heard(), RunCounts()
        self.called: list[str] = []
        self.brake = Brake(on_pull=lambda stop: self.emit(RunStopped(stop.kind, stop.reason)))
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

    @property
    def trials(self) -> list[TrialResult]:
        return [event.result for event in self.heard.of(TrialFinished)]

    async def _call(
        self,
        function: Function,
        arguments: Mapping[str, JSON],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - as the protocol has it
        any_text: bool = False,
        on_line: Callable[[], None] = tell_nobody,
        on_leave: Callable[[], None] = tell_nobody,
    ) -> JSON:
        del timeout, any_text
        if self.places is not None:
            on_line()
            async with self.places:
                on_leave()
                return await self._called(function, arguments)
        return await self._called(function, arguments)

    async def _called(self, function: Function, arguments: Mapping[str, JSON]) -> JSON:
        self.called.append(function.name)
        called = self.functions.get(function.reference) or self.functions[function.name]
        try:
            found = called(**arguments)
            value: JSON = await found if isawaitable(found) else found
        except ValueError as error:
            raise FunctionError(str(error)) from error
        else:
            return value


@dataclass
class Bench(InMemory):
    """Runs a pipeline that is given as a map."""

    pipeline: Mapping[str, Any]
    provider: ScriptedProvider = field(default_factory=ScriptedProvider)
    rows: Sequence[Mapping[str, JSON]] = ({},)
    providers: Mapping[str, Provider] = field(default_factory=dict)
    problem: str | None = None
    pipelines: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.begin(self._plan(), render)

    async def run_one(self) -> dict[str, StepResult]:
        (trial,) = await self.run()
        return {step.id: step for step in trial.steps}

    def _plan(self) -> Plan:
        context = {"resolver": Resolver(self.functions, self.pipelines)}
        given = {"version": 1, "model": "scripted/m", **self.pipeline}
        spec = PipelineSpec.model_validate(given, context=context)
        steps = dict(_by_path(spec.steps))
        judged = {path: _judged(step) - {step.id, *step.needs} for path, step in steps.items()}
        needs = {path: judged[path].union(step.needs) for path, step in steps.items()}
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


def _by_path(steps: Sequence[Step], within: str = "") -> Iterator[tuple[str, Step]]:
    for step in steps:
        yield f"{within}{step.id}", step
        yield from _by_path(step.inner, f"{within}{step.id}.")


def _judged(step: Step) -> frozenset[str]:
    return frozenset(name for check in step.checks for _, name in check.places_named())


def ask(step_id: str, text: str = "say {{ word }}", **options: Any) -> dict[str, Any]:
    """Give a step that asks the model."""
    return {"id": step_id, "messages": [{"role": "user", "content": text}], **options}


def statuses(steps: Mapping[str, StepResult]) -> dict[str, str]:
    return {name: step.status for name, step in steps.items()}
