"""Judge: holds what a step made to the step's checks. A failed check stops no step.

A step with a failed check inside it has failed too. One whose judge was not asked is left for a later run,
which recalls what it made.
"""

from promptlab.core.frozen import frozen, replace
from promptlab.engine.chain import Forward
from promptlab.engine.judging import judge_step
from promptlab.engine.machinery import Machinery
from promptlab.engine.question import NotAsked
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import StepResult


@frozen
class Judge:
    machinery: Machinery

    async def handle(self, request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
        try:
            result = await forward(request)
            if result.status == "left":
                return result
            verdicts = (*await judge_step(request, result, self.machinery), *result.verdicts)
        except NotAsked as reason:
            return request.tally.account(request.path, "left", error=str(reason), error_kind="judge")
        inside = (verdict for step in result.inner for one in step.flat for verdict in one.verdicts)
        serious = result.status == "passed" and any(verdict.is_serious for verdict in (*verdicts, *inside))
        if not verdicts and not serious:
            return result
        return replace(result, verdicts=verdicts, status="failed" if serious else result.status)
