"""Budget: reserves the worst case before a call, settles after it, waits while others may give some back."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from promptlab.core.json import JSON
from promptlab.core.words import money, plural
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call, Worst, cost_of
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion, Usage
from promptlab.engine.provider import ModelProfile
from promptlab.schemas.pipeline import Limits


@dataclass(slots=True)
class Purse:
    """What was spent and what is reserved by calls in flight."""

    usd: float = 0.0
    tokens: int = 0
    requests: int = 0

    def add(self, worst: Worst, sign: int = 1) -> None:
        self.usd += sign * (worst.usd or 0.0)
        self.tokens += sign * worst.tokens
        self.requests += sign


@dataclass(slots=True)
class Budget:
    """Holds the limits `cost_usd`, `total_tokens` and `requests` of a run.

    An attempt of unknown outcome keeps its reservation as spent. Where a model has no known ceiling of output
    tokens the longest answer so far stands in, and `soft` says that calls in flight may pass the limit.
    """

    limits: Limits
    brake: Brake
    spent: Purse = field(default_factory=Purse)
    reserved: Purse = field(default_factory=Purse)
    soft: bool = False
    _longest: int = 0
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        worst = self._worst(call)
        refusal = await self._reserve(call, worst)
        if refusal is not None:
            return refusal
        answer: Answer | None = None
        try:
            answer = await forward(replace(call, worst=worst, refusal=lambda: self._second_look(call)))
        finally:
            self._settle(worst, answer)
        return answer

    def _worst(self, call: Call) -> Worst:
        inputs = call.request.size
        outputs = output_ceiling(call.request.params, call.profile)
        if outputs is None:
            self.soft = self.soft or (self.limits.cost_usd or self.limits.total_tokens) is not None
            outputs = self._longest
        return Worst(inputs + outputs, cost_of(Usage(inputs, outputs), call.profile.price))

    async def _reserve(self, call: Call, worst: Worst) -> CallFailure | None:
        while (blocked := self._blocked(worst)) and self.reserved.requests:
            await self._a_settlement()
        if blocked and call.refusal() is None:
            self.brake.pull("limit", blocked)
        refusal = call.refusal() or self.brake.refusal()
        if refusal is None:
            self.reserved.add(worst)
        return refusal

    def _second_look(self, call: Call) -> CallFailure | None:
        """Ask once more when the call's turn has come: by then a soft limit may have been passed."""
        over = self._overdrawn() if self.soft else None
        if over:
            self.brake.pull("limit", over)
        return call.refusal() or self.brake.refusal()

    async def _a_settlement(self) -> None:
        settled = asyncio.get_running_loop().create_future()
        self._waiting.append(settled)
        await settled

    def _blocked(self, worst: Worst) -> str | None:
        """Say which limit this reservation would pass."""
        used, held, limits = self.spent, self.reserved, self.limits
        if limits.requests is not None and used.requests + held.requests + 1 > limits.requests:
            return f"the limit of {plural(limits.requests, 'request')} is reached"
        tokens = used.tokens + held.tokens + worst.tokens
        if limits.total_tokens is not None and tokens > limits.total_tokens:
            return f"the limit of {limits.total_tokens} tokens leaves no room for the next call"
        usd = used.usd + held.usd + (worst.usd or 0.0)
        if limits.cost_usd is not None and usd > limits.cost_usd:
            return f"the limit of {money(limits.cost_usd)} leaves no room for the next call"
        return None

    def _overdrawn(self) -> str | None:
        spent, limits = self.spent, self.limits
        if limits.total_tokens is not None and spent.tokens >= limits.total_tokens:
            return f"the limit of {limits.total_tokens} tokens is reached"
        if limits.cost_usd is not None and spent.usd >= limits.cost_usd:
            return f"the limit of {money(limits.cost_usd)} is reached"
        return None

    def _settle(self, worst: Worst, answer: Answer | None) -> None:
        self.reserved.add(worst, -1)
        self._charge(worst, answer)
        waiting, self._waiting = self._waiting, []
        for settled in waiting:
            if not settled.done():
                settled.set_result(None)

    def _charge(self, worst: Worst, answer: Answer | None) -> None:
        if isinstance(answer, Completion):
            self._longest = max(self._longest, answer.usage.output_tokens)
            self.spent.add(Worst(answer.usage.total_tokens, answer.cost_usd))
        elif answer is None or answer.outcome == "unknown":
            self.spent.add(worst)
        elif answer.outcome == "failed":
            self.spent.add(Worst())


def output_ceiling(params: Mapping[str, JSON], profile: ModelProfile) -> int | None:
    """Give the most tokens that an answer may have: as the request says, else as is known of the model."""
    for name in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
        stated = params.get(name)
        if isinstance(stated, int):
            return stated
    return profile.max_output_tokens
