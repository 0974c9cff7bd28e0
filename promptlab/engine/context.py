"""What a step sees of the engine while it runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.attachments import content_of, messages_of
from promptlab.engine.call import Call, asking
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Message, Role
from promptlab.engine.excuse import excused
from promptlab.engine.falling_back import first_answer
from promptlab.engine.function import Function
from promptlab.engine.inside import Inside
from promptlab.engine.judging import judge_inner
from promptlab.engine.machinery import Machinery
from promptlab.engine.outputs import outputs_of
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import PlannedStep
from promptlab.engine.providers.python import FunctionProvider
from promptlab.engine.providers.web import WebProvider
from promptlab.engine.ran import Ran
from promptlab.engine.scope import Names, filled
from promptlab.engine.step_request import RunStep, StepRequest
from promptlab.engine.streaming import Teller
from promptlab.engine.tally import Tally
from promptlab.engine.target import Target
from promptlab.engine.together import run_together
from promptlab.engine.web import ATTEMPT_SECONDS, WebRequest
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.run import Verdict
from promptlab.schemas.template import Template, TemplatedValue


@slotted
class RunningStep:
    """The StepContext of the engine. `run_step` is the step chain, for the steps inside this one."""

    machinery: Machinery
    request: StepRequest
    run_step: RunStep
    names: Names
    teller: Teller | None = None

    @property
    def planned(self) -> PlannedStep:
        return self.request.planned

    @property
    def tally(self) -> Tally:
        return self.request.tally

    @property
    def sample(self) -> int:
        return self.request.trial.key.repeat

    @property
    def complaint(self) -> tuple[Message, ...]:
        return self.request.complaint

    @property
    def around(self) -> Names:
        return self.request.names

    @property
    def in_order(self) -> bool:
        return self.planned.in_order

    @property
    def is_walk(self) -> bool:
        return self.machinery.is_walk

    async def render(self, template: Template, names: Names | None = None) -> JSON:
        return await self.machinery.render(template, self.names if names is None else names)

    async def fill(self, value: TemplatedValue, names: Names) -> JSON:
        return await filled(value, names, self.machinery.render)

    async def run_inner(
        self, values: Mapping[str, JSON], *, item: int | None = None, alone: bool = False
    ) -> Ran:
        around = {} if alone or self.planned.step.bindings else self.request.done
        path = self.request.path if item is None else f"{self.request.path}[{item}]"
        inner = Inside(self.request, self.run_step, values, path, item or 0)
        done = await run_together(self.planned.inner, inner.ask, around)
        return Ran(path, values, {step.id: done[step.id] for step in self.planned.step.inner}, around)

    def excuse(self, item: int) -> None:
        inner = self.tally.inner
        orders = [(item, place) for place in range(len(self.planned.inner))]
        inner.update({order: excused(inner[order]) for order in orders if order in inner})

    async def outputs(self, spec: PipelineSpec, ran: Ran) -> tuple[JSON, str | None]:
        return await outputs_of(spec, ran.values, ran.results, self.machinery.render)

    async def judge(self, spec: PipelineSpec, ran: Ran, outputs: JSON) -> tuple[Verdict, ...]:
        return await judge_inner(spec, ran, outputs, self.request, self.machinery)

    async def render_messages(self, template: Template) -> tuple[Message, ...]:
        return messages_of(await self.render(template), self.machinery.attachments)

    async def render_message(self, role: Role, template: Template) -> Message:
        rendered = await self.render(template)
        if isinstance(rendered, str):
            return Message(role, rendered.replace("\r\n", "\n").strip())
        return Message(role, content_of(rendered, self.machinery.attachments))

    async def complete(self, messages: tuple[Message, ...]) -> Completion | CallFailure:
        target = self.planned.target
        assert target is not None  # noqa: S101 - a completion step is always planned with one
        line = [self._asking(messages, one) for one in target.line]
        if len(line) == 1:
            return await self._ask(line[0])
        return await first_answer(line, self._ask, self.machinery.fallbacks, self.machinery.emit)

    async def _ask(self, call: Call) -> Answer:
        self.tally.model = call.model
        if (fault := _not_taken(call)) is not None:
            return CallFailure(kind="invalid_request", message=fault, outcome="unsent", attempts=0)
        return await self._told(self.machinery.complete, call)

    def _asking(self, messages: tuple[Message, ...], target: Target) -> Call:
        step = self.planned.step
        assert isinstance(step, CompletionStep)  # noqa: S101 - no other step asks a model
        request = CompletionRequest(
            endpoint=target.profile.endpoint,
            model=target.profile.model,
            messages=messages,
            params=target.params,
            json_schema=schema_of(step.parsed_as),
            sample=self.sample,
            tools=tuple(tool.offered for tool in step.tools),
        )
        return Call(
            request=request,
            profile=target.profile,
            ask=asking(self.teller.asking(target.provider) if self.teller else target.provider.complete),
            retry=step.retry,
            recall=step.recall is not False,
            problem=target.problem,
            trial=self.request.trial.key,
            step=self.request.path,
            get_ready=target.get_ready,
        )

    async def call(self, function: Function, arguments: Mapping[str, JSON]) -> JSON | CallFailure:
        answer = await self._told(self.machinery.act, self._calling(function, arguments))
        return answer if isinstance(answer, CallFailure) else json.loads(answer.text)

    async def use(
        self, function: Function, arguments: Mapping[str, JSON], *, before: int
    ) -> JSON | CallFailure:
        call = self._calling(function, arguments, before)
        with self.request.stopwatch.timing(call) as timed:
            answer = await self.machinery.use(timed.call)
        self.tally.add_use(call.request, answer)
        return answer if isinstance(answer, CallFailure) else json.loads(answer.text)

    def _calling(self, function: Function, arguments: Mapping[str, JSON], before: int = 0) -> Call:
        step = self.planned.step
        provider = FunctionProvider(function, arguments, self.machinery.call, step.timeout, before)
        request = CompletionRequest(
            endpoint=provider.profile.endpoint,
            model=provider.profile.model,
            messages=(),
            params=provider.params,
            sample=self.sample,
        )
        return Call(
            request=request,
            profile=provider.profile,
            ask=provider.answer,
            retry=step.retry,
            recall=step.recall is True,
            trial=self.request.trial.key,
            step=self.request.path,
        )

    async def fetch(self, request: WebRequest) -> str | CallFailure:
        step = self.planned.step
        seconds = max(ATTEMPT_SECONDS, step.timeout or 0.0)
        provider = WebProvider(request, self.machinery.send, seconds)
        call = Call(
            request=CompletionRequest(
                endpoint=provider.profile.endpoint,
                model=provider.profile.model,
                messages=(),
                params=provider.params,
                sample=self.sample,
            ),
            profile=provider.profile,
            ask=asking(provider.complete),
            retry=step.retry,
            recall=step.recall is True,
            trial=self.request.trial.key,
            step=self.request.path,
        )
        answer = await self._told(self.machinery.fetch, call)
        return answer if isinstance(answer, CallFailure) else answer.text

    async def _told(self, send: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        """Send a call and have the tally say what came of it, even if the step waits no longer."""
        with self.request.stopwatch.timing(call) as timed:
            try:
                answer = await send(timed.call)
            except asyncio.CancelledError:
                self.tally.leave(call.request, attempts=timed.sent)
                raise
        self.tally.add(call.request, answer)
        return answer


def _not_taken(call: Call) -> str | None:
    """Say what of a request its model is known not to take."""
    messages, profile = call.request.messages, call.profile
    attached = {form for message in messages for form in message.forms}
    if attached and (refused := attached - profile.takes):
        return f"{call.model} takes no {' or '.join(sorted(refused))}, and one is attached"
    if profile.needs_turn and all(message.role == "system" for message in messages):
        return f"{call.model} takes no prompt in which the system alone speaks"
    return None
