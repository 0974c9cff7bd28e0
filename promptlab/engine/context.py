"""What a step sees of the engine while it runs."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from promptlab.core.json import JSON
from promptlab.engine.attachments import content_of, messages_of
from promptlab.engine.call import Call
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest
from promptlab.engine.conversation import Message, Role
from promptlab.engine.falling_back import first_answer
from promptlab.engine.function import Function
from promptlab.engine.machinery import Machinery
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import PlannedStep, Target
from promptlab.engine.providers.python import FunctionProvider
from promptlab.engine.providers.web import WebProvider
from promptlab.engine.scope import Names
from promptlab.engine.step import CompletionStep
from promptlab.engine.streaming import Teller
from promptlab.engine.tally import Tally
from promptlab.engine.web import ATTEMPT_SECONDS, WebRequest
from promptlab.schemas.template import Template


@dataclass(slots=True)
class RunningStep:
    """The StepContext of the engine."""

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
        return messages_of(await self.render(template), self.machinery.attachments)

    async def render_message(self, role: Role, template: Template) -> Message:
        rendered = await self.render(template)
        if isinstance(rendered, str):
            return Message(role, rendered.replace("\r\n", "\n").strip())
        return Message(role, content_of(rendered, self.machinery.attachments))

    async def complete(self, messages: tuple[Message, ...]) -> Completion | CallFailure:
        target = self.planned.target
        assert target is not None  # noqa: S101 - a completion step is always planned with one
        return await first_answer(target.line, partial(self._ask, messages), self.machinery.emit)

    async def _ask(self, messages: tuple[Message, ...], target: Target) -> Answer:
        step = self.planned.step
        assert isinstance(step, CompletionStep)  # noqa: S101 - no other step asks a model
        self.tally.model = target.profile.name
        refused = frozenset().union(*(message.forms for message in messages)) - target.profile.takes
        if refused:
            what = f"{target.profile.name} takes no {' or '.join(sorted(refused))}, and one is attached"
            return CallFailure(kind="invalid_request", message=what, outcome="unsent")
        request = CompletionRequest(
            endpoint=target.profile.endpoint,
            model=target.profile.model,
            messages=messages,
            params=target.params,
            json_schema=schema_of(step.parsed_as),
            sample=self.sample,
            tools=tuple(tool.offered for tool in step.tools),
        )
        call = Call(
            request=request,
            profile=target.profile,
            ask=self.teller.asking(target.provider) if self.teller else target.provider.complete,
            retry=step.retry,
            recall=step.recall is not False,
            problem=target.problem,
        )
        return await self._told(self.machinery.complete, call)

    async def call(self, function: Function, arguments: Mapping[str, JSON]) -> JSON | CallFailure:
        answer = await self._told(self.machinery.act, self._calling(function, arguments))
        return answer if isinstance(answer, CallFailure) else json.loads(answer.text)

    async def use(
        self, function: Function, arguments: Mapping[str, JSON], *, before: int
    ) -> JSON | CallFailure:
        call = self._calling(function, arguments, before)
        answer = await self.machinery.act(call)
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
            ask=provider.complete,
            retry=step.retry,
            recall=step.recall is True,
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
            ask=provider.complete,
            retry=step.retry,
            recall=step.recall is True,
        )
        answer = await self._told(self.machinery.fetch, call)
        return answer if isinstance(answer, CallFailure) else answer.text

    async def _told(self, send: Callable[[Call], Awaitable[Answer]], call: Call) -> Answer:
        """Send a call and have the tally say what came of it, even if the step waits no longer."""
        try:
            answer = await send(call)
        except asyncio.CancelledError:
            self.tally.leave(call.request)
            raise
        self.tally.add(call.request, answer)
        return answer
