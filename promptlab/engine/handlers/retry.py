"""Retry: tries again what may pass by itself; outside Budget and Throttle, so each attempt waits its turn."""

from collections.abc import Callable
from itertools import count
from typing import Literal

from promptlab.core.frozen import replace, slotted
from promptlab.core.words import duration
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.call_log import CallLog
from promptlab.engine.chain import Forward
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.schemas.run import total

IN_DOUBT = CallFailure(
    kind="connection",
    message="this request left before and was never answered, so it may have been paid for; "
    "`--on-unknown retry` sends it again",
    outcome="unsent",
    attempts=0,
)


@slotted
class Retry:
    """`random` gives 0..1. `on_unknown: fail` does not repeat what may have been paid for, in any run."""

    log: CallLog
    clock: Clock
    brake: Brake
    random: Callable[[], float]
    on_unknown: Literal["retry", "fail"] = "retry"

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        if self.on_unknown == "fail" and await self.log.in_doubt(call.request.fingerprint):
            return IN_DOUBT
        spent: list[float | None] = []
        for number in count(1):
            attempt = replace(call, attempt=number)
            answer = await forward(attempt)
            spent.append(_paid(answer))
            if isinstance(answer, Completion) or not self._again(attempt, answer):
                break
            await self.brake.sleep(self.clock, self._pause(attempt, answer))
        if isinstance(answer, CallFailure) and not answer.closes and _asks_for_too_long(call, answer):
            wait = duration(answer.retry_after or 0.0)
            answer = replace(answer, message=f"{answer.message}; it asks to come back in {wait}")
        sent = number - 1 if isinstance(answer, CallFailure) and answer.outcome == "unsent" else number
        return replace(answer, attempts=sent, spent_usd=total(spent))

    def _again(self, call: Call, failure: CallFailure) -> bool:
        if failure.left or not call.may_repeat(failure.kind) or call.refusal() is not None:
            return False
        if _asks_for_too_long(call, failure):
            return False
        return failure.outcome != "unknown" or self.on_unknown == "retry"

    def _pause(self, call: Call, failure: CallFailure) -> float:
        policy = call.retry
        backoff = min(policy.max, policy.initial * 2.0 ** (call.attempt - 1))
        jittered = backoff * (1 + policy.jitter * (2 * self.random() - 1))
        return max(jittered, failure.retry_after or 0.0)


def _paid(answer: Answer) -> float | None:
    """Give what an attempt took for certain; what one of unknown outcome may have taken is told by itself."""
    if isinstance(answer, CallFailure) and answer.outcome == "unknown":
        return 0.0
    return answer.spent_usd


def _asks_for_too_long(call: Call, failure: CallFailure) -> bool:
    return (failure.retry_after or 0.0) > call.retry.max
