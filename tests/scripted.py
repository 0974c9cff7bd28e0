"""An offline provider that answers as it is told, and a clock whose time passes only by sleeping."""

import asyncio
import heapq
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count

from promptlab.core.json import JSON, compact
from promptlab.engine.call import Call, asking
from promptlab.engine.completion import Completion, CompletionRequest, Endpoint, Usage
from promptlab.engine.conversation import Message, ToolCall
from promptlab.engine.provider import ModelProfile, Price, ProviderError, Tell
from promptlab.schemas.events import Event
from promptlab.schemas.pipeline import Params, RetryPolicy

ENDPOINT = Endpoint("scripted", "scripted", "chat")
PRICE = Price(input=1.0, output=2.0)
PROFILE = ModelProfile(endpoint=ENDPOINT, model="m", price=PRICE, max_output_tokens=100)


@dataclass(frozen=True, slots=True)
class Calling:
    """An answer that calls tools."""

    tool_calls: tuple[ToolCall, ...]
    text: str = ""


type Scripted = str | Calling | ProviderError
type Answering = Callable[[CompletionRequest], Scripted]


def calls(*wanted: tuple[str, object], text: str = "") -> Calling:
    """Call tools by name with arguments, which are JSON or, a text, written as they are."""
    written = [(name, given if isinstance(given, str) else compact(given)) for name, given in wanted]
    return Calling(tuple(ToolCall(f"c{n}", *call) for n, call in enumerate(written)), text)


class ScriptedProvider:
    """Gives `answers` in order, the last one for ever; an error among them is raised. Keeps a journal."""

    def __init__(self, *answers: Scripted | Answering, usage: Usage = Usage(10, 5)) -> None:  # noqa: B008
        self.answers = list(answers) or ["hello"]
        self.usage = usage
        self.journal: list[CompletionRequest] = []
        self.gate: asyncio.Event | None = None
        self.in_flight = 0
        self.most_in_flight = 0

    def profile(self, model: str) -> ModelProfile:
        return ModelProfile(endpoint=ENDPOINT, model=model, price=PRICE, max_output_tokens=100)

    def wire_params(self, model: str, params: Params) -> Mapping[str, JSON]:
        del model
        return params.model_dump(exclude_none=True)

    def check(self, model: str) -> None: ...

    async def complete(self, request: CompletionRequest) -> Completion:
        self.journal.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await (self.gate.wait() if self.gate is not None else asyncio.sleep(0))
        finally:
            self.in_flight -= 1
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, ProviderError):
            raise answer
        told = answer if isinstance(answer, Calling) else Calling((), answer)
        return Completion(
            text=told.text,
            tool_calls=told.tool_calls,
            finish_reason="tool_calls" if told.tool_calls else "stop",
            usage=self.usage,
            answered_by=request.model,
            raw=told.text.encode(),
        )

    async def stream(self, request: CompletionRequest, tell: Tell) -> Completion:
        completion = await self.complete(request)
        for piece in completion.text.split(" "):
            tell(piece)
        return completion

    async def warm_up(self) -> None: ...

    async def close(self) -> None: ...


class VirtualClock:
    """Time that jumps to the next sleeper once everybody waits."""

    def __init__(self) -> None:
        self.time = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()
        self._ticking: asyncio.Task[None] | None = None

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.time + seconds, next(self._numbers), woken))
        if self._ticking is None or self._ticking.done():
            self._ticking = asyncio.create_task(self._tick())
        await woken

    async def _tick(self) -> None:
        while self._sleepers:
            for _ in range(20):
                await asyncio.sleep(0)
            due, _, woken = heapq.heappop(self._sleepers)
            self.time = max(self.time, due)
            if not woken.done():
                woken.set_result(None)


def request(text: str = "hi", *, sample: int = 0) -> CompletionRequest:
    return CompletionRequest(endpoint=ENDPOINT, model="m", messages=(Message("user", text),), sample=sample)


def call(provider: ScriptedProvider, text: str = "hi", **changes: object) -> Call:
    given = {"request": request(text), "profile": PROFILE, "retry": RetryPolicy(), **changes}
    return Call(ask=asking(provider.complete), **given)  # type: ignore[arg-type]


class Heard:
    """Listens to events and keeps them."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of[E](self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]


def texts(requests: Iterable[CompletionRequest]) -> list[str]:
    return [request.messages[-1].text for request in requests]
