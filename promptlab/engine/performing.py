"""The end of the step chain: runs the step itself and says what came of it."""

from dataclasses import dataclass, replace

from promptlab.engine.context import RunningStep
from promptlab.engine.conversation import Message
from promptlab.engine.machinery import Machinery
from promptlab.engine.scope import Names, filled
from promptlab.engine.step import Produced, Step, StepFailed
from promptlab.engine.step_request import StepRequest
from promptlab.engine.streaming import Teller
from promptlab.schemas.run import StepResult


@dataclass(frozen=True, slots=True)
class Perform:
    machinery: Machinery

    async def __call__(self, request: StepRequest) -> StepResult:
        step = request.planned.step
        running = RunningStep(
            self.machinery,
            request.planned,
            await self._names(step, request.names),
            sample=request.trial.key.repeat,
            complaint=request.complaint,
            tally=request.tally,
            teller=self._teller(request),
        )
        outcome = await step.run(running)
        if isinstance(outcome, StepFailed):
            return _failed(request, outcome)
        return _made(request.tally.account(step.id, "passed"), outcome)

    def _teller(self, request: StepRequest) -> Teller | None:
        if not self.machinery.streams:
            return None
        return Teller(self.machinery.emit, request.trial.key, request.id)

    async def _names(self, step: Step, names: Names) -> Names:
        """Give what the step's own prompt, messages or function sees: its `with`, where it has one."""
        if not step.bindings:
            return names
        render = self.machinery.render
        return Names({name: await filled(value, names, render) for name, value in step.bindings.items()})


def _made(account: StepResult, made: Produced) -> StepResult:
    if made.text is None:
        return replace(account, output=made.value)
    conversation = (*made.messages, Message("assistant", made.text))
    return replace(account, output=made.text, messages=tuple(message.as_json() for message in conversation))


def _failed(request: StepRequest, failed: StepFailed) -> StepResult:
    return replace(
        request.tally.account(request.id, "left" if failed.left else "errored"),
        error=failed.message,
        error_kind=failed.kind,
        messages=tuple(message.as_json() for message in failed.messages),
    )
