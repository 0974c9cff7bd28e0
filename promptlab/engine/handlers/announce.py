"""Announce: tells that a step of a trial finished."""

from promptlab.core.frozen import frozen
from promptlab.engine.chain import Forward
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.events import Emit, StepFinished
from promptlab.schemas.run import StepResult


@frozen
class Announce:
    emit: Emit

    async def handle(self, request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
        result = await forward(request)
        self.emit(StepFinished(request.trial.key, result))
        return result
