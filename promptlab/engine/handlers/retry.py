"""Retry: tries again what may pass by itself; outside Budget and Throttle, so each attempt waits its turn."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from typing import Literal

from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.chain import Forward
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer, CallFailure, Completion


@dataclass(slots=True)
class Retry:
    """`random` gives 0..1. `on_unknown: fail` does not repeat what may have been paid for already."""

    clock: Clock
    brake: Brake
    random: Callable[[], float]
    on_unknown: Literal["retry", "fail"] = "retry"

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        for number in count(1):
            answer = await forward(replace(call, attempt=number))
            if isinstance(answer, Completion) or not self._again(call, answer, number):
                break
            await self.brake.sleep(self.clock, self._pause(call, answer, number))
        sent = number if not isinstance(answer, CallFailure) or answer.outcome != "unsent" else number - 1
        return replace(answer, attempts=sent)

    def _again(self, call: Call, failure: CallFailure, number: int) -> bool:
        if failure.left or number >= call.retry.max_attempts or failure.kind not in call.retry.on:
            return False
        return failure.outcome != "unknown" or self.on_unknown == "retry"

    def _pause(self, call: Call, failure: CallFailure, number: int) -> float:
        policy = call.retry
        backoff = min(policy.max, policy.initial * 2.0 ** (number - 1))
        jittered = backoff * (1 + policy.jitter * (2 * self.random() - 1))
        return max(jittered, failure.retry_after or 0.0)
