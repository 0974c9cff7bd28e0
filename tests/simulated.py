"""Providers of unknown capacity on virtual time, and clients that ask as fast as the throttle lets them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random

from promptlab.engine.brake import Brake
from promptlab.engine.call import Call, asking
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.chain import Handler, chain
from promptlab.engine.completion import Answer, Completion, CompletionRequest, Quota, Usage
from promptlab.engine.falling_back import FallbackRecord, first_answer
from promptlab.engine.handlers.retry import Retry
from promptlab.engine.handlers.throttle import Throttle
from promptlab.engine.provider import ModelProfile, ProviderError, RateLimited, ServerFault
from promptlab.schemas.pipeline import RetryPolicy
from tests.scripted import ENDPOINT, Heard, request
from tests.virtual_time import LoopClock, run_virtually

REQUEST = request()


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as the provider saw it: when it came, what it said to it, and how long it took to answer."""

    at: float
    status: int
    took: float = 0.0


@dataclass
class Simulated:
    """Takes `capacity(time)` calls at once and, where given, `rate` a second with a burst of `burst`.

    `fault(time)`: a status that it gives to everybody then. Latencies are seconds; answers take 0.5 to 1.5 of
    theirs. `retry_after`: told with a 429.
    """

    capacity: Callable[[float], float]
    latency: float = 1.0
    refusal_latency: float = 0.01
    rate: float | None = None
    burst: float = 1.0
    fault: Callable[[float], int | None] = lambda _: None
    retry_after: float | None = None
    quota: Callable[[float], Quota | None] = lambda _: None
    random: Random = field(default_factory=lambda: Random(7))
    seen: list[Seen] = field(default_factory=list)
    in_flight: int = 0
    _level: float = -1.0
    _filled_at: float = 0.0

    async def complete(self, _request: CompletionRequest) -> Completion:
        now = asyncio.get_running_loop().time()
        seen = self.hear(now)
        await asyncio.sleep(seen.took)
        if seen.status != 200:
            raise self.error(seen.status)
        self.in_flight -= 1
        return Completion(text="", usage=Usage(5, 5), quota=self.quota(now))

    def hear(self, now: float) -> Seen:
        """Take a request or refuse it; one that is taken is in flight until it is answered."""
        status = self.fault(now) or self._admit(now)
        took = self.refusal_latency if status != 200 else self.latency * self.random.uniform(0.5, 1.5)
        self.in_flight += status == 200
        seen = Seen(now, status, took)
        self.seen.append(seen)
        return seen

    def _admit(self, now: float) -> int:
        if self.in_flight >= self.capacity(now):
            return 429
        if self.rate is None:
            return 200
        level = self.burst if self._level < 0 else self._level
        self._level = min(self.burst, level + (now - self._filled_at) * self.rate)
        self._filled_at = now
        if self._level < 1:
            return 429
        self._level -= 1
        return 200

    def error(self, status: int) -> ProviderError:
        if status in (429, 529):
            return RateLimited("slow down", status=status, retry_after=self.retry_after)
        return ServerFault("oops", status=status)


@dataclass
class Observed:
    """What a provider saw, in numbers."""

    model: Simulated

    def rate(self, start: float, end: float) -> float:
        """Give the calls a second that were let in."""
        return sum(seen.status == 200 and start <= seen.at < end for seen in self.model.seen) / (end - start)

    def busy(self, start: float, end: float) -> float:
        """Give how many calls it answered at once, on the average."""
        answered = (seen for seen in self.model.seen if seen.status == 200)
        times = (min(end, seen.at + seen.took) - max(start, seen.at) for seen in answered)
        return sum(time for time in times if time > 0) / (end - start)

    def refused(self, start: float = 0.0, end: float = 1e9) -> int:
        return sum(seen.status != 200 and start <= seen.at < end for seen in self.model.seen)

    def share_refused(self, start: float, end: float) -> float:
        refused = self.refused(start, end)
        return refused / (refused + self.rate(start, end) * (end - start))


@dataclass
class Simulation(Observed):
    """Clients that ask for so many seconds, or `each` so often; more than the provider takes, or only a few.

    `ended`: the answers, and when.
    """

    clients: int
    seconds: float = 90.0
    max_concurrency: int | None = None
    ceiling: int = 1000
    each: int | None = None
    max_attempts: int = 100
    fallback: Simulated | None = None
    ended: list[tuple[float, Answer]] = field(default_factory=list)
    heard: Heard = field(default_factory=Heard)

    def __post_init__(self) -> None:
        run_virtually(self._run())

    async def _run(self) -> None:
        clock, brake = LoopClock(), Brake()
        self.throttle = Throttle(clock, brake, self.heard, self.max_concurrency)
        retry = Retry(MemoryCallLog(), clock, brake, Random(11).random)
        handlers: list[Handler[Call, Answer]] = [retry, self.throttle]
        self._ask = chain(handlers, _answer)
        profile = ModelProfile(endpoint=ENDPOINT, model="m", max_concurrency=self.ceiling)
        policy = RetryPolicy(max_attempts=self.max_attempts)
        first = Call(request=REQUEST, profile=profile, ask=asking(self.model.complete), retry=policy)
        self._line = [first]
        if self.fallback is not None:
            other = replace(profile, model="other")
            self._line.append(replace(first, profile=other, ask=asking(self.fallback.complete)))
        self._failures = FallbackRecord(MemoryCallLog())
        clients = [asyncio.create_task(self._client()) for _ in range(self.clients)]
        await asyncio.wait(clients, timeout=self.seconds)
        for client in clients:
            client.cancel()
        await asyncio.wait(clients)

    async def _client(self) -> None:
        for _ in count() if self.each is None else range(self.each):
            answer = await first_answer(self._line, self._ask, self._failures, self.heard)
            self.ended.append((asyncio.get_running_loop().time(), answer))


async def _answer(call: Call) -> Answer:
    try:
        return await call.ask(call)
    except ProviderError as error:
        return error.as_failure()
