"""Judge: holds what a step made to the step's checks."""

from dataclasses import dataclass, replace

from promptlab.engine.chain import Forward
from promptlab.engine.judging import judge_step
from promptlab.engine.machinery import Machinery
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import StepResult


@dataclass(frozen=True, slots=True)
class Judge:
    """A step that passed is failed by a failed check of severity error; it stops no other step."""

    machinery: Machinery

    async def handle(self, request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
        result = await forward(request)
        if result.status == "left":
            return result
        verdicts = await judge_step(request, result, self.machinery)
        failed = any(verdict.status == "failed" and verdict.severity == "error" for verdict in verdicts)
        status = "failed" if failed and result.status == "passed" else result.status
        return replace(result, status=status, verdicts=verdicts)
