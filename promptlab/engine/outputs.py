"""What a pipeline gives once its steps are done: its `outputs`, else the output of the step written last."""

from collections.abc import Mapping

from promptlab.core.json import JSON
from promptlab.engine.scope import Names, Render, RenderFailed, filled, step_names
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.run import MISSING, StepResult, _Missing


async def outputs_of(
    spec: PipelineSpec, values: Mapping[str, JSON], done: Mapping[str, StepResult], render: Render
) -> tuple[JSON, str | None]:
    """Give the outputs, and what is wrong with them where no step errored."""
    if spec.outputs is None:
        return done[last_written(spec)].made, None
    names = Names(values, {name: step_names(result) for name, result in done.items()})
    outputs: dict[str, JSON] = {}
    problem: str | None = None
    for name, template in spec.outputs.items():
        try:
            outputs[name] = await filled(template, names, render)
        except RenderFailed as error:
            outputs[name] = None
            problem = problem or f"outputs.{name}: {error}"
    errored = any(result.status == "errored" for result in done.values())
    return outputs, None if errored else problem


def judged_outputs(spec: PipelineSpec, outputs: JSON, done: Mapping[str, StepResult]) -> JSON | _Missing:
    """Give the outputs for checks, or MISSING where no step, or not the step that they are, made any."""
    results = list(done.values())
    if any(result.status == "errored" or result.error_kind == "dependency" for result in results):
        return MISSING
    if all(result.status == "skipped" for result in results):
        return MISSING
    return done[last_written(spec)].output if spec.outputs is None else outputs


def last_written(spec: PipelineSpec) -> str:
    return str(spec.steps[-1].id)
