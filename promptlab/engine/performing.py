"""The end of the step chain: runs the step itself and says what came of it."""

from dataclasses import dataclass, replace

from promptlab.engine.completion import Message
from promptlab.engine.context import RunningStep, Tally
from promptlab.engine.machinery import Machinery
from promptlab.engine.scope import Names, filled
from promptlab.engine.step import Produced, Step, StepFailed
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import StepResult


@dataclass(frozen=True, slots=True)
class Perform:
    machinery: Machinery

    async def __call__(self, request: StepRequest) -> StepResult:
        step = request.planned.step
        names = await self._names(step, request.names)
        running = RunningStep(
            self.machinery, request.planned, names, request.trial.key.repeat, request.complaint
        )
        outcome = await step.run(running)
        accounts = _accounts(step, running.tally)
        return _failed(accounts, outcome) if isinstance(outcome, StepFailed) else _made(accounts, outcome)

    async def _names(self, step: Step, names: Names) -> Names:
        """Give what the step's own prompt, messages or function sees: its `with`, where it has one."""
        if not step.bindings:
            return names
        render = self.machinery.render
        return Names({name: await filled(value, names, render) for name, value in step.bindings.items()})


def _accounts(step: Step, tally: Tally) -> StepResult:
    return StepResult(
        id=step.id,
        status="passed",
        model=tally.model,
        calls=tuple(tally.calls),
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        cost_usd=tally.cost_usd,
        spent_usd=tally.spent_usd,
        latency_ms=tally.latency_ms,
        finish_reason=tally.finish_reason,
    )


def _made(accounts: StepResult, made: Produced) -> StepResult:
    if made.text is None:
        return replace(accounts, output=made.value)
    conversation = (*made.messages, Message("assistant", made.text))
    return replace(accounts, output=made.text, messages=tuple(message.as_json() for message in conversation))


def _failed(accounts: StepResult, failed: StepFailed) -> StepResult:
    return replace(
        accounts,
        status="left" if failed.left else "errored",
        error=failed.message,
        error_kind=failed.kind,
        messages=tuple(message.as_json() for message in failed.messages),
    )
