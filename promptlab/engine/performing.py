"""The end of the step chain: runs the step itself and says what came of it."""

from functools import partial

from promptlab.core.frozen import frozen
from promptlab.engine.context import RunningStep
from promptlab.engine.machinery import Machinery
from promptlab.engine.scope import Names, filled
from promptlab.engine.step import Step
from promptlab.engine.step_context import Produced, StepFailed
from promptlab.engine.step_request import RunStep, StepRequest
from promptlab.engine.streaming import Teller
from promptlab.schemas.run import StepResult


@frozen
class Perform:
    """`run_step`: the chain that this is the end of."""

    machinery: Machinery
    run_step: RunStep

    async def __call__(self, request: StepRequest) -> StepResult:
        step = request.planned.step
        names = await self._names(step, request.names)
        running = RunningStep(self.machinery, request, self.run_step, names, self._teller(request))
        outcome = await step.run(running)
        if isinstance(outcome, StepFailed):
            return _failed(request, outcome)
        return _made(request, outcome)

    def _teller(self, request: StepRequest) -> Teller | None:
        if not self.machinery.streams:
            return None
        return Teller(self.machinery.emit, request.trial.key, request.path)

    async def _names(self, step: Step, names: Names) -> Names:
        """Give what the step's own prompt, messages or function sees: its `with`, where it has one."""
        if not step.bindings:
            return names
        render = self.machinery.render
        return Names({name: await filled(value, names, render) for name, value in step.bindings.items()})


def _made(request: StepRequest, made: Produced) -> StepResult:
    account = partial(request.tally.account, request.path, "passed")
    if made.text is None:
        return account(output=made.value, verdicts=made.verdicts)
    messages = tuple(message.as_seen() for message in made.messages)
    return account(output=made.text, messages=messages, said=made.said)


def _failed(request: StepRequest, failed: StepFailed) -> StepResult:
    return request.tally.account(
        request.path,
        "left" if failed.left else "errored",
        error=failed.message,
        error_kind=failed.kind,
        messages=tuple(message.as_seen() for message in failed.messages),
        said=failed.said,
        verdicts=failed.verdicts,
    )
