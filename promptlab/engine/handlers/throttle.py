"""Throttle: has calls wait for their turn; learns how many a model takes, and obeys it when it says wait."""

from dataclasses import field

from promptlab.core.frozen import replace, slotted
from promptlab.core.words import duration
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.chain import Forward
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.provider import ModelProfile
from promptlab.engine.throttling.bounds import bounds
from promptlab.engine.throttling.flow import Ticket
from promptlab.engine.throttling.gate import ModelGate, gate_of
from promptlab.schemas.events import ConcurrencyChanged, Emit, ModelClosed, ModelPaused
from promptlab.schemas.throttle import ThrottleCourse


@slotted
class Throttle:
    """One gate per provider and model. `max_concurrency` fixes the calls at once; None: they are learned."""

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
        ticket = await self._turn(gate, call)
        if isinstance(ticket, CallFailure):
            return ticket
        call.on_leave()
        answer: Answer = CallFailure(kind="interrupted", message="cancelled", outcome="unknown")
        try:
            answer = await forward(call)
        finally:
            self._land(gate, call, ticket, answer)
        return answer if isinstance(answer, Completion) else self._heed(gate, call, answer)

    def courses(self) -> dict[str, ThrottleCourse]:
        """Give, by model, how many calls it got at once so far."""
        return {name: gate.course.told() for name, gate in self._gates.items()}

    async def _turn(self, gate: ModelGate, call: Call) -> Ticket | CallFailure:
        """Wait until the call may leave; give why it may not."""
        async with gate.door:
            while (refusal := gate.closed or self.brake.refusal() or call.refusal()) is None:
                gate.changed.clear()
                if not gate.flow.has_room:
                    await gate.changed.wait()
                elif seconds := gate.wait(call.worst.tokens, self.clock.now()):
                    self._tell(gate, call)
                    await self.brake.sleep(self.clock, seconds, until=gate.changed)
                else:
                    return gate.flow.leave(self.clock.now())
            return refusal

    def _tell(self, gate: ModelGate, call: Call) -> None:
        """Say so where a rate limit is used up, which headers told before any call was refused."""
        seconds = gate.news_of_reset(self.clock.now())
        if seconds:
            self.emit(ModelPaused(call.model, seconds))

    def _land(self, gate: ModelGate, call: Call, ticket: Ticket, answer: Answer) -> None:
        before = gate.flow.limit
        gate.land(ticket, answer, call.worst.tokens, self.clock.now())
        if gate.flow.limit != before:
            self.emit(ConcurrencyChanged(call.model, gate.flow.limit))

    def _heed(self, gate: ModelGate, call: Call, failure: CallFailure) -> CallFailure:
        """Pause or close the model if the failure says so; a wait beyond the cap closes it, asked or seen."""
        wait = failure.retry_after or 0.0
        if wait > call.retry.max:
            message = f"{failure.message}; it asks to come back in {duration(wait)}"
            failure = replace(failure, message=message, closes=True)
        elif self._has_shut(gate, call, failure):
            message = f"{failure.message}; it has let nothing in for {duration(call.retry.max)}"
            failure = replace(failure, message=message, closes=True)
        if failure.closes or gate.is_dead(call, failure):
            failure = replace(failure, closes=True)
            self._close(gate, call, failure)
        elif wait:
            self._pause(gate, call, wait)
        return failure

    def _has_shut(self, gate: ModelGate, call: Call, failure: CallFailure) -> bool:
        policy = call.retry
        return failure.kind == "rate_limit" and gate.flow.has_shut(
            self.clock.now(), refusals=policy.max_attempts, seconds=policy.max
        )

    def _pause(self, gate: ModelGate, call: Call, seconds: float) -> None:
        until = self.clock.now() + seconds
        if until <= gate.paused_until:
            return
        gate.paused_until = until
        if gate.is_news(until):
            self.emit(ModelPaused(call.model, seconds))

    def _close(self, gate: ModelGate, call: Call, failure: CallFailure) -> None:
        if gate.closed is None:
            gate.closed = CallFailure(kind="closed", message=failure.message, outcome="unsent")
            gate.changed.set()
            self.closures[call.model] = failure
            self.emit(ModelClosed(call.model, failure.message))

    def _gate(self, profile: ModelProfile) -> ModelGate:
        gate = self._gates.get(profile.name)
        if gate is None:
            size = bounds(profile, self.max_concurrency)
            gate = self._gates[profile.name] = gate_of(profile, size, self.clock.now())
            self.emit(ConcurrencyChanged(profile.name, size.start))
        return gate
