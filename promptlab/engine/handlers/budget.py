"""Budget: reserves the worst case before a call, settles after it, waits while others may give some back."""

import asyncio
from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import replace, slotted
from promptlab.core.json import JSON
from promptlab.core.words import money, plural
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call, Worst, cost_of
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion, Usage
from promptlab.engine.day_limit import DayLimit
from promptlab.engine.provider import ModelProfile
from promptlab.schemas.pipeline import Limits

NEW_DAY = "; a new day begins at 00:00 UTC"


@slotted
class Purse:
    """What was spent and what is reserved by calls in flight."""

    usd: float = 0.0
    tokens: int = 0
    requests: int = 0

    def add(self, worst: Worst, sign: int = 1) -> None:
        self.usd += sign * (worst.usd or 0.0)
        self.tokens += sign * worst.tokens
        self.requests += sign


@slotted
class Budget:
    """Holds the limits `cost_usd`, `total_tokens` and `requests` of a run, and its share in a day's limit.

    An attempt of unknown outcome keeps its reservation as spent. Where a model has no known ceiling of output
    tokens the longest answer so far stands in, and `soft` says that calls in flight may pass the limit.
    `cost_name`: who set `cost_usd`.
    """

    limits: Limits
    brake: Brake
    spent: Purse = field(default_factory=Purse)
    reserved: Purse = field(default_factory=Purse)
    day: DayLimit | None = None
    cost_name: str = "limits.cost_usd"
    soft: bool = False
    _longest: int = 0
    _answered: Purse = field(default_factory=Purse)
    _dearest: Worst = field(default_factory=Worst)
    _waiting: list[asyncio.Future[None]] = field(default_factory=list)

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        while True:
            answer = await self._attempt(call, forward)
            if self.day is None or getattr(answer, "kind", None) != "no_room":
                return answer
            call.on_line()
            await self.day.look(self.spent.usd)

    def has_room(self, calls: int, dearest: Worst) -> bool:
        """Say whether so many calls more fit in, beside those in flight, where they are like those answered.

        The last of them needs room for its worst case; before one was asked, that is `dearest`, and before
        one was answered, so does each.
        """
        if not calls or not (self._counts_outputs or self.limits.requests):
            return True
        last = self._dearest if self._dearest.tokens else dearest
        answers = self._answered.requests
        tokens = self._answered.tokens / answers if answers else last.tokens
        usd = self._answered.usd / answers if answers else last.usd or 0.0
        before = calls - 1
        expected = Worst(last.tokens + round(before * tokens), (last.usd or 0.0) + before * usd)
        return not (self._blocked(expected, calls) or self._blocked_by_day(expected))

    async def _attempt(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
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
            self.soft = self.soft or self._counts_outputs
            outputs = self._longest
        return Worst(inputs + outputs, cost_of(Usage(inputs, outputs), call.profile.price))

    @property
    def _counts_outputs(self) -> bool:
        return (self.limits.cost_usd or self.limits.total_tokens or self.day) is not None

    async def _reserve(self, call: Call, worst: Worst) -> CallFailure | None:
        if self.day is not None:
            await self.day.prepare(self.spent.usd)
        blocked = await self._blocked_for_good(worst)
        if blocked and call.refusal() is None:
            self.brake.pull("limit", blocked)
        refusal = call.refusal() or self.brake.refusal()
        if refusal is None:
            self.reserved.add(worst)
            self._dearest = _dearer(self._dearest, worst)
        return refusal

    async def _blocked_for_good(self, worst: Worst) -> str | None:
        """Wait while what is reserved may be given back; say which limit stands in the way then."""
        while blocked := self._blocked(worst) or self._blocked_by_day(worst):
            if self.reserved.requests:
                await self._a_settlement()
            elif self._blocked(worst) or not await self._day_may_give():
                break
        return blocked

    async def _day_may_give(self) -> bool:
        return self.day is not None and await self.day.may_give(self.spent.usd)

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

    def _blocked(self, worst: Worst, calls: int = 1) -> str | None:
        """Say which limit this reservation would pass."""
        used, held, limits = self.spent, self.reserved, self.limits
        if limits.requests is not None and used.requests + held.requests + calls > limits.requests:
            return f"{self._reached('requests')}: {used.requests} were sent to models"
        tokens = used.tokens + held.tokens + worst.tokens
        if limits.total_tokens is not None and tokens > limits.total_tokens:
            return (
                f"{self._reached('total_tokens')}: {used.tokens} are used, "
                f"and the next call may take {worst.tokens}"
            )
        usd = used.usd + held.usd + (worst.usd or 0.0)
        if limits.cost_usd is not None and usd > limits.cost_usd:
            return f"{self._reached('cost_usd')}: {_spent(used.usd)}, {_next(worst)}"
        return None

    def _blocked_by_day(self, worst: Worst) -> str | None:
        if self.day is None:
            return None
        gone = self.day.total(self.spent.usd)
        if gone + self.reserved.usd + (worst.usd or 0.0) <= self.day.usd:
            return None
        return f"{self._reached('day')}: {_spent(gone)} by all runs, {_next(worst)}{NEW_DAY}"

    def _overdrawn(self) -> str | None:
        spent, limits, day = self.spent, self.limits, self.day
        if limits.total_tokens is not None and spent.tokens >= limits.total_tokens:
            return f"{self._reached('total_tokens')}: {spent.tokens} are used"
        if limits.cost_usd is not None and spent.usd >= limits.cost_usd:
            return f"{self._reached('cost_usd')}: {_spent(spent.usd)}"
        if day is not None and day.total(spent.usd) >= day.usd:
            return f"{self._reached('day')}: {_spent(day.total(spent.usd))} by all runs{NEW_DAY}"
        return None

    def _reached(self, key: str) -> str:
        limits, a_day = self.limits, self.day.usd if self.day is not None else None
        words = {
            "requests": f"{plural(limits.requests or 0, 'request')} (limits.requests)",
            "total_tokens": f"{limits.total_tokens} tokens (limits.total_tokens)",
            "cost_usd": f"{money(limits.cost_usd)} ({self.cost_name})",
            "day": f"{money(a_day)} a day (limits.cost_usd_per_day of promptlab.yaml)",
        }
        return f"the limit of {words[key]} is reached"

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
            taken = Worst(answer.usage.total_tokens, answer.cost_usd)
            self.spent.add(taken)
            self._answered.add(taken)
        elif answer is None or answer.outcome == "unknown":
            self.spent.add(worst)
        elif answer.outcome == "failed":
            self.spent.add(Worst())


def _dearer(one: Worst, other: Worst) -> Worst:
    return Worst(max(one.tokens, other.tokens), max(one.usd or 0.0, other.usd or 0.0))


def _spent(usd: float) -> str:
    return f"{money(usd)} is spent"


def _next(worst: Worst) -> str:
    return f"and the next call may cost {money(worst.usd)}"


def output_ceiling(params: Mapping[str, JSON], profile: ModelProfile) -> int | None:
    """Give the most tokens that an answer may have: as the request says, else as is known of the model."""
    names = ("max_tokens", "max_completion_tokens", "max_output_tokens")
    stated = [value for name in names if isinstance(value := params.get(name), int)]
    each = max(stated, default=profile.max_output_tokens)
    choices = params.get("n")
    return each * choices if each and isinstance(choices, int) and choices > 1 else each
