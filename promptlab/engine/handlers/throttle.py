"""Throttle: how many calls a model gets at once and a minute; pauses and closes it when it says so."""

import asyncio
import math
from dataclasses import dataclass, field, replace

from promptlab.core.words import duration
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.chain import Forward
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.provider import ModelProfile
from promptlab.schemas.events import Emit, ModelClosed, ModelPaused

MINUTE = 60.0
ENOUGH_FAILURES = 5
CRUMB = 1e-6  # what rounding leaves, not worth a sleep
NOT_REACHED = ("connection", "timeout", "server")


@dataclass(slots=True)
class Bucket:
    """A rate per minute as a bucket that holds a second's worth; may go into debt by one call."""

    per_minute: float
    level: float = math.inf
    filled_at: float = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Give the seconds until `amount` may be taken."""
        rate = self.per_minute / MINUTE
        ceiling = max(rate, 1.0)
        self.level = min(ceiling, self.level + (now - self.filled_at) * rate)
        self.filled_at = now
        missing = min(amount, ceiling) - self.level
        return missing / rate if missing > CRUMB else 0.0

    def take(self, amount: float) -> None:
        """Take `amount`; a negative one gives back."""
        self.level -= amount


@dataclass(slots=True)
class ModelGate:
    """The state of one model in this run. `failures`: attempts that nobody answered, while nobody was."""

    slots: asyncio.Semaphore
    requests: Bucket | None
    tokens: Bucket | None
    paused_until: float = 0.0
    answered: bool = False
    failures: int = 0
    closed: CallFailure | None = None

    def enter(self, tokens: int, now: float) -> float:
        """Take a place and give 0, or take nothing and give the seconds until it may be asked again."""
        if now < self.paused_until:
            return self.paused_until - now
        wanted = [(self.requests, 1), (self.tokens, tokens)]
        buckets = [(bucket, amount) for bucket, amount in wanted if bucket is not None]
        seconds = max((bucket.wait(amount, now) for bucket, amount in buckets), default=0.0)
        if not seconds:
            for bucket, amount in buckets:
                bucket.take(amount)
        return seconds

    def answer(self, answer: Answer, reserved_tokens: int) -> None:
        """Note whether somebody answered; give back what the answer did not use."""
        if isinstance(answer, Completion):
            self.answered = True
            if self.tokens is not None:
                self.tokens.take(answer.usage.total_tokens - reserved_tokens)
        elif answer.status is None and answer.kind in NOT_REACHED:
            self.failures += 1
        elif answer.outcome != "unsent":
            self.answered = True

    def is_dead(self, call: Call, failure: CallFailure) -> bool:
        """Whether the provider is taken for unreachable, now that this call has failed for good."""
        if self.answered or failure.outcome == "unsent" or call.may_repeat(failure.kind):
            return False
        return failure.outcome == "failed" or self.failures >= ENOUGH_FAILURES


@dataclass(slots=True)
class Throttle:
    """One gate per provider and model. `max_concurrency` None: as the provider's entry says, else 16."""

    clock: Clock
    brake: Brake
    emit: Emit
    max_concurrency: int | None = None
    closures: dict[str, CallFailure] = field(default_factory=dict)
    _gates: dict[str, ModelGate] = field(default_factory=dict)

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        gate = self._gate(call.profile)
        if call.problem is not None and gate.closed is None:
            failure = CallFailure(kind="refused", message=call.problem, outcome="unsent", closes=True)
            self._close(gate, call, failure)
        async with gate.slots:
            refusal = await self._turn(gate, call)
            if refusal is not None:
                return refusal
            answer = await forward(call)
            gate.answer(answer, call.worst.tokens)
            return answer if isinstance(answer, Completion) else self._heed(gate, call, answer)

    async def _turn(self, gate: ModelGate, call: Call) -> CallFailure | None:
        """Wait until the call may leave; give why it may not."""
        while True:
            refusal = gate.closed or self.brake.refusal() or call.refusal()
            if refusal is not None:
                return refusal
            seconds = gate.enter(call.worst.tokens, self.clock.now())
            if not seconds:
                return None
            await self.brake.sleep(self.clock, seconds)

    def _heed(self, gate: ModelGate, call: Call, failure: CallFailure) -> CallFailure:
        """Pause or close the model if the failure says so; a Retry-After beyond the cap closes it."""
        wait = failure.retry_after or 0.0
        if wait > call.retry.max:
            message = f"{failure.message}; it asks to come back in {duration(wait)}"
            failure = replace(failure, message=message, closes=True)
        if failure.closes or gate.is_dead(call, failure):
            failure = replace(failure, closes=True)
            self._close(gate, call, failure)
        elif wait:
            self._pause(gate, call, wait)
        return failure

    def _pause(self, gate: ModelGate, call: Call, seconds: float) -> None:
        until = self.clock.now() + seconds
        if until > gate.paused_until:
            gate.paused_until = until
            self.emit(ModelPaused(call.model, seconds))

    def _close(self, gate: ModelGate, call: Call, failure: CallFailure) -> None:
        if gate.closed is None:
            gate.closed = CallFailure(kind="closed", message=failure.message, outcome="unsent")
            self.closures[call.model] = failure
            self.emit(ModelClosed(call.model, failure.message))

    def _gate(self, profile: ModelProfile) -> ModelGate:
        gate = self._gates.get(profile.name)
        if gate is None:
            gate = self._gates[profile.name] = ModelGate(
                slots=asyncio.Semaphore(concurrency(profile, self.max_concurrency)),
                requests=Bucket(profile.requests_per_minute) if profile.requests_per_minute else None,
                tokens=Bucket(profile.tokens_per_minute) if profile.tokens_per_minute else None,
            )
        return gate


DEFAULT_CONCURRENCY = 16


def concurrency(profile: ModelProfile, asked: int | None) -> int:
    """Give how many calls a model gets at once: what was asked, within what its provider's entry allows."""
    if asked is None:
        return min(DEFAULT_CONCURRENCY, profile.max_concurrency or DEFAULT_CONCURRENCY)
    return min(asked, profile.max_concurrency) if profile.max_concurrency else asked
