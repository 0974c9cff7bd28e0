"""Parse: from what a step made to what its `output` asks for; asks again if the step's `retry` says so."""

from dataclasses import dataclass, replace
from itertools import count

from promptlab.core.json import JSON
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Message
from promptlab.engine.parsing import InvalidOutput, check_value, parse_text
from promptlab.engine.step import CompletionStep, Step
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import StepResult, total


@dataclass(frozen=True, slots=True)
class Parse:
    async def handle(self, request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
        step = request.planned.step
        earlier: StepResult | None = None
        for number in count(1):
            result = _together(earlier, await forward(request))
            if result.status != "passed":
                return result
            try:
                return replace(result, output=_parsed(step, result))
            except InvalidOutput as error:
                if number >= step.retry.max_attempts or "invalid_output" not in step.retry.on:
                    return replace(result, status="errored", error=str(error), error_kind="invalid_output")
                request = replace(request, complaint=_complaint(request, result, error))
                earlier = result
        raise AssertionError("count() does not end")


def _parsed(step: Step, result: StepResult) -> JSON:
    spec, made = step.parsed_as, result.made
    if spec is None:
        return made
    if isinstance(step, CompletionStep):
        return parse_text(spec, str(made))
    return check_value(spec, made)


def _complaint(request: StepRequest, result: StepResult, error: InvalidOutput) -> tuple[Message, ...]:
    return (
        *request.complaint,
        Message("assistant", str(result.made)),
        Message("user", f"That is not what was asked for: {error}. Answer again, with nothing else."),
    )


def _together(earlier: StepResult | None, result: StepResult) -> StepResult:
    """Add up what asking again took."""
    if earlier is None:
        return result
    return replace(
        result,
        calls=(*earlier.calls, *result.calls),
        input_tokens=earlier.input_tokens + result.input_tokens,
        output_tokens=earlier.output_tokens + result.output_tokens,
        cost_usd=total((earlier.cost_usd, result.cost_usd)),
        spent_usd=total((earlier.spent_usd, result.spent_usd)),
        latency_ms=earlier.latency_ms + result.latency_ms,
    )
