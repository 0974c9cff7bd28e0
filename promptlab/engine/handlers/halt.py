"""Halt: lets no call leave once the run was stopped; for calls that neither Budget nor Throttle hold back."""

from promptlab.core.frozen import frozen, replace
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure


@frozen
class Halt:
    brake: Brake

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        def refusal() -> CallFailure | None:
            return call.refusal() or self.brake.refusal()

        return refusal() or await forward(replace(call, refusal=refusal))
