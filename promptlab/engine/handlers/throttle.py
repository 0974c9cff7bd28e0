"""Throttle: how many calls a model gets at once and a minute; pauses and closes it when it says so."""

import asyncio
from dataclasses import dataclass, field, replace

from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.chain import Forward
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.provider import ModelProfile
from promptlab.schemas.events import Emit, ModelClosed, ModelPaused

MINUTE = 60.0


@dataclass(slots=True)
class Bucket:
    """A rate per minute as a bucket that holds a second's worth; may go into debt by one call."""

    per_minute: float
    level: float = 1.0
    filled_at: float | None = None

    def wait_for(self, amount: float, now: float) -> float:
        """Take `amount` and give 0, or take nothing and give the seconds until it may be asked again."""
        rate = self.per_minute / MINUTE
        ceiling = max(rate, 1.0)
        elapsed = now - self.filled_at if self.filled_at is not None else MINUTE
        self.level = min(ceiling, self.level + elapsed * rate)
        self.filled_at = now
        needed = min(amount, ceiling)
        if self.level < needed:
            return (needed - self.level) / rate
        self.level -= amount
        return 0.0


@dataclass(slots=True)
class ModelGate:
    """The state of one model in this run."""

    slots: asyncio.Semaphore
    requests: Bucket | None
    tokens: Bucket | None
    paused_until: float = 0.0
    answered: bool = False
    closed: CallFailure | None = None

    def wait(self, tokens: int, now: float) -> float:
        """Give the seconds until the next call may leave; 0: it has its place."""
        if now < self.paused_until:
            return self.paused_until - now
        for bucket, amount in ((self.requests, 1), (self.tokens, tokens)):
            if bucket is not None and (seconds := bucket.wait_for(amount, now)) > 0:
                return seconds
        return 0.0


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
            refusal = await self._turn(gate, call.worst.tokens)
            if refusal is not None:
                return refusal
            return self._heed(gate, call, await forward(call))

    async def _turn(self, gate: ModelGate, tokens: int) -> CallFailure | None:
        """Wait until the call may leave; give why it may not."""
        while True:
            refusal = gate.closed or self.brake.refusal()
            if refusal is not None:
                return refusal
            seconds = gate.wait(tokens, self.clock.now())
            if not seconds:
                return None
            await self.brake.sleep(self.clock, seconds)

    def _heed(self, gate: ModelGate, call: Call, answer: Answer) -> Answer:
        """Pause or close the model if the answer says so.

        A Retry-After beyond the cap closes it, and so does a call that used up its attempts without reaching
        a provider that has answered nobody yet.
        """
        if isinstance(answer, Completion):
            gate.answered = True
            return answer
        gate.answered = gate.answered or answer.status is not None
        wait = answer.retry_after or 0.0
        unreachable = not gate.answered and call.attempt >= call.retry.max_attempts
        if answer.closes or wait > call.retry.max or unreachable:
            answer = replace(answer, closes=True)
            self._close(gate, call, answer)
        elif wait:
            self._pause(gate, call, wait)
        return answer

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
