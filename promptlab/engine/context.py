"""What a step sees of the engine while it runs, and the tally of what its calls took."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from promptlab.core.json import JSON
from promptlab.engine.call import Call
from promptlab.engine.completion import (
    Answer,
    CallFailure,
    Completion,
    CompletionRequest,
    Message,
)
from promptlab.engine.function import Function
from promptlab.engine.machinery import Machinery
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import PlannedStep
from promptlab.engine.providers.python import FunctionProvider
from promptlab.engine.scope import Names
from promptlab.schemas.run import StepCall, total
from promptlab.schemas.template import Template


@dataclass(slots=True)
class Tally:
    """What the calls of one step took together."""

    calls: list[StepCall] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    costs: list[float | None] = field(default_factory=list)
    spent: list[float | None] = field(default_factory=list)
    latency_ms: float = 0.0
    finish_reason: str | None = None
    model: str | None = None

    def add(self, request: CompletionRequest, answer: Answer) -> None:
        if isinstance(answer, Completion):
            self._add_answer(request, answer)
            return
        self.calls.append(_step_call(request, answer))
        if answer.outcome == "unknown":
            self.spent.append(None)

    def _add_answer(self, request: CompletionRequest, answer: Completion) -> None:
        self.calls.append(_step_call(request, answer, completion_id=answer.id, recalled=answer.recalled))
        self.input_tokens += answer.usage.input_tokens
        self.output_tokens += answer.usage.output_tokens
        self.costs.append(answer.cost_usd)
        self.spent.append(0.0 if answer.recalled else answer.cost_usd)
        self.latency_ms += answer.latency_ms
        self.finish_reason = answer.finish_reason

    @property
    def cost_usd(self) -> float | None:
        return total(self.costs)

    @property
    def spent_usd(self) -> float | None:
        return total(self.spent)


def _step_call(
    request: CompletionRequest, answer: Answer, *, completion_id: int | None = None, recalled: bool = False
) -> StepCall:
    return StepCall(
        fingerprint=request.fingerprint,
        completion_id=completion_id,
        recalled=recalled,
        attempts=answer.attempts,
    )


@dataclass(slots=True)
class RunningStep:
    """The StepContext of the engine. `complaint` is appended to what is sent: what was wrong last time."""

    machinery: Machinery
    planned: PlannedStep
    names: Names
    sample: int
    complaint: tuple[Message, ...] = ()
    tally: Tally = field(default_factory=Tally)

    async def render(self, template: Template) -> JSON:
        return await self.machinery.render(template, self.names)

    async def render_messages(self, template: Template) -> tuple[Message, ...]:
        rendered = await self.render(template)
        return tuple(Message(**message) for message in rendered)  # type: ignore[union-attr,arg-type]

    async def complete(self, messages: tuple[Message, ...]) -> Completion | CallFailure:
        target = self.planned.target
        assert target is not None  # noqa: S101 - a completion step is always planned with one
        request = CompletionRequest(
            endpoint=target.profile.endpoint,
            model=target.profile.model,
            messages=(*messages, *self.complaint),
            params=target.params,
            json_schema=schema_of(self.planned.step.parsed_as),
            sample=self.sample,
        )
        call = Call(
            request=request,
            profile=target.profile,
            ask=target.provider.complete,
            retry=self.planned.step.retry,
            recall=self.planned.step.recall is not False,
            problem=target.problem,
        )
        self.tally.model = target.profile.name
        answer = await self.machinery.complete(call)
        self.tally.add(request, answer)
        return answer

    async def call(self, function: Function, arguments: Mapping[str, JSON]) -> JSON | CallFailure:
        step = self.planned.step
        provider = FunctionProvider(function, arguments, self.machinery.call, step.timeout)
        request = CompletionRequest(
            endpoint=provider.profile.endpoint,
            model=provider.profile.model,
            messages=(),
            params=provider.params,
            sample=self.sample,
        )
        call = Call(
            request=request,
            profile=provider.profile,
            ask=provider.complete,
            retry=step.retry,
            recall=step.recall is True,
        )
        answer = await self.machinery.act(call)
        self.tally.add(request, answer)
        return answer if isinstance(answer, CallFailure) else json.loads(answer.text)
