"""Parse: from what a step made to what its `output` asks for; asks again if the step's `retry` says so."""

from itertools import count

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON
from promptlab.engine.chain import Forward
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Message
from promptlab.engine.parsing import InvalidOutput, check_value, parse_text
from promptlab.engine.step import Step
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import MISSING, StepResult


@frozen
class Parse:
    async def handle(self, request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
        step = request.planned.step
        for number in count(1):
            result = await forward(request)
            if result.status != "passed":
                return result
            try:
                parsed = _parsed(step, result)
                return result if parsed is result.output else replace(result, output=parsed)
            except InvalidOutput as error:
                if not _asks_again(step, number):
                    return _refused(result, error)
                request = replace(request, complaint=_complaint(result, error))
        raise AssertionError("count() does not end")


def _asks_again(step: Step, number: int) -> bool:
    """A function would say the same again; a model is told what was wrong."""
    wanted = isinstance(step, CompletionStep) and "invalid_output" in step.retry.on
    return wanted and number < step.retry.max_attempts


def _refused(result: StepResult, error: InvalidOutput) -> StepResult:
    return replace(result, status="errored", output=MISSING, error=str(error), error_kind="invalid_output")


def _parsed(step: Step, result: StepResult) -> JSON:
    spec, made = step.parsed_as, result.made
    if spec is None:
        return made
    if step.gives_text:
        return parse_text(spec, str(made))
    return check_value(spec, made)


def _complaint(result: StepResult, error: InvalidOutput) -> tuple[Message, ...]:
    said = map(Message.of, result.messages[len(result.messages) - result.said :])
    return (
        *(message for message in said if not message.is_empty),
        Message("user", f"That is not what was asked for: {error}. Answer again, with nothing else."),
    )
