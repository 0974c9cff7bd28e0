"""A function of the project, called with the step's `with`."""

from typing import Annotated, ClassVar

from promptlab.engine.completion import CallFailure
from promptlab.engine.function import Function
from promptlab.engine.step import Step
from promptlab.engine.step_context import Produced, StepContext, StepFailed
from promptlab.schemas.fields import FUNCTION


class PythonStep(Step):
    key: ClassVar[str] = "python"

    python: Annotated[Function, *FUNCTION]

    async def run(self, context: StepContext) -> Produced | StepFailed:
        arguments = {name: context.names.values[name] for name in self.bindings}
        value = await context.call(self.python, arguments)
        return StepFailed.of(value) if isinstance(value, CallFailure) else Produced(value=value)
