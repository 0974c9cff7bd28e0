"""Reads and judges checks in tests, with what a trial would bring."""

from collections.abc import Mapping, Sequence

from pydantic import ValidationInfo

from promptlab.core.json import JSON
from promptlab.engine.check import Check, Evidence
from promptlab.engine.check_reading import read_check
from promptlab.engine.function import Function
from promptlab.engine.judging import judge
from promptlab.engine.ruling import named
from promptlab.engine.scope import Names, Render, RenderFailed
from promptlab.schemas.run import MISSING, StepResult, Verdict, _Missing
from promptlab.schemas.template import Template


class Resolver:
    """Finds nested checks, schemas given in place, and the functions it was given."""

    def __init__(self, functions: Mapping[str, Function] | None = None) -> None:
        self.functions = functions or {}

    def check(self, source: JSON, info: ValidationInfo) -> Check:
        return read_check(source, info.context)

    def json_schema(self, source: JSON) -> JSON:
        return source

    def function(self, reference: str) -> Function:
        return self.functions[reference]


async def renders_nothing(template: Template, names: Names) -> JSON:
    raise RenderFailed(f"{template.name} was rendered with {sorted(names.values)}")


async def calls_nothing(function: Function, arguments: Mapping[str, JSON], **options: object) -> JSON:
    raise AssertionError(f"{function} {arguments} {options}")


def step(output: JSON | _Missing = MISSING, *, id: str = "step", **facts: object) -> StepResult:  # noqa: A002
    return StepResult(id=id, **{"status": "passed", "output": output, **facts})  # type: ignore[arg-type]


def evidence(
    *results: StepResult,
    row: Mapping[str, JSON] | None = None,
    outputs: JSON | _Missing = MISSING,
    render: Render = renders_nothing,
) -> Evidence:
    return Evidence(
        inputs={},
        row=row or {},
        results={result.id: result for result in results},
        outputs=outputs,
        render=render,
        call=calls_nothing,
    )


def read(source: JSON) -> Check:
    return read_check(source, {"resolver": Resolver()})


async def verdicts(sources: Sequence[JSON], given: Evidence, at: str | None = "step") -> tuple[Verdict, ...]:
    return await judge(named([read(source) for source in sources]), step=at, evidence=given)


async def verdict(source: JSON, output: JSON | StepResult) -> Verdict:
    """Judge one check on the output of a step, or on a step that has more to look at."""
    result = output if isinstance(output, StepResult) else step(output)
    (only,) = await verdicts([source], evidence(result))
    return only
