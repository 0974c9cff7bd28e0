"""What a step sees of the engine while it runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from promptlab.core.json import JSON
from promptlab.engine.call import Call
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest
from promptlab.engine.conversation import Message
from promptlab.engine.function import Function
from promptlab.engine.machinery import Machinery
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import PlannedStep
from promptlab.engine.providers.python import FunctionProvider
from promptlab.engine.scope import Names
from promptlab.engine.streaming import Teller
from promptlab.engine.tally import Tally
from promptlab.schemas.template import Template


@dataclass(slots=True)
class RunningStep:
    """The StepContext of the engine. `complaint` is appended to what is sent: what was wrong last time."""

    machinery: Machinery
    planned: PlannedStep
    names: Names
    sample: int
    complaint: tuple[Message, ...]
    tally: Tally
    teller: Teller | None = None

    async def render(self, template: Template) -> JSON:
        return await self.machinery.render(template, self.names)

    async def render_messages(self, template: Template) -> tuple[Message, ...]:
        rendered = await self.render(template)
        return tuple(Message(**message) for message in rendered)  # type: ignore[union-attr,arg-type]

    async def complete(self, messages: tuple[Message, ...]) -> Completion | CallFailure:
        target = self.planned.target
        assert target is not None  # noqa: S101 - a completion step is always planned with one
        self.tally.model = target.profile.name
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
            ask=self.teller.asking(target.provider) if self.teller else target.provider.complete,
            retry=self.planned.step.retry,
            recall=self.planned.step.recall is not False,
            problem=target.problem,
        )
        return await self._told(self.machinery.complete, call)

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
        answer = await self._told(self.machinery.act, call)
        return answer if isinstance(answer, CallFailure) else json.loads(answer.text)

    async def _told(self, send: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        """Send a call and have the tally say what came of it, even if the step waits no longer."""
        try:
            answer = await send(call)
        except asyncio.CancelledError:
            self.tally.leave(call.request)
            raise
        self.tally.add(call.request, answer)
        return answer
