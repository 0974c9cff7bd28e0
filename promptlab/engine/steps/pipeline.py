"""A pipeline as a step of another one."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

from promptlab.core.frozen import replace
from promptlab.engine.check import Check
from promptlab.engine.shapes import object_of
from promptlab.engine.step import Step
from promptlab.engine.step_context import Produced, StepContext, StepFailed
from promptlab.engine.sub_pipeline import BadInput, SubPipeline
from promptlab.schemas.fields import PIPELINE
from promptlab.schemas.pipeline import OutputSpec, PipelineSpec


class PipelineStep(Step):
    """Runs the steps of the pipeline on what `with` gives; its outputs are the output."""

    key: ClassVar[str] = "pipeline"

    pipeline: Annotated[SubPipeline, *PIPELINE]

    @property
    def inner(self) -> Sequence[Step]:
        return self.pipeline.spec.steps

    @property
    def inner_checks(self) -> Sequence[Check]:
        checks: Sequence[Check] = self.pipeline.spec.checks
        return checks

    @property
    def shape(self) -> OutputSpec | None:
        outputs, last = self.pipeline.spec.outputs, self.inner[-1]
        if self.output is not None:
            return self.output
        return last.shape if outputs is None else object_of(outputs)

    def inner_spec(self, spec: PipelineSpec) -> PipelineSpec:
        """Give the called pipeline; one that names no model, or judge, takes its caller's."""
        own = self.pipeline.spec
        if own.judge is None and spec.judge is not None:
            own = own.model_copy(update={"judge": spec.judge})
        if own.model is not None:
            return own
        return own.model_copy(update={"model": spec.model, "params": own.params.over(spec.params)})

    async def run(self, context: StepContext) -> Produced | StepFailed:
        given = {name: context.names.values[name] for name in self.bindings}
        try:
            values = self.pipeline.values(given)
        except BadInput as error:
            return StepFailed(kind="input", message=str(error))
        spec = self.pipeline.spec
        ran = await context.run_inner(values, alone=True)
        failure = StepFailed.inside(ran)
        if failure is not None and failure.left:
            return failure
        outputs, problem = await context.outputs(spec, ran)
        verdicts = await context.judge(spec, ran, outputs)
        if failure is None and problem is not None:
            failure = StepFailed(kind="template", message=f"{self.pipeline.path}: {problem}")
        if failure is not None:
            return replace(failure, verdicts=verdicts)
        return Produced(value=outputs, verdicts=verdicts)
