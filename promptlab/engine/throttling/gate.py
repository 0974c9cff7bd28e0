"""The state of one model in a run: its flow, its rates, its pauses, and whether it is closed."""

import asyncio
import math
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.engine.call import Call
from promptlab.engine.completion import Answer, CallFailure, Completion, Quota
from promptlab.engine.provider import ModelProfile
from promptlab.engine.throttling.bounds import Bounds
from promptlab.engine.throttling.bucket import Allowance, Bucket
from promptlab.engine.throttling.course import Course
from promptlab.engine.throttling.flow import Flow, Ticket
from promptlab.engine.throttling.window import Window

ENOUGH_FAILURES = 5
NOT_REACHED = ("connection", "timeout", "server")
WORTH_TELLING = 1.0  # seconds
LONGEST_RESET = 60.0  # seconds that a header alone may ask to wait; then a call finds out


@slotted
class ModelGate:
    """`failures`: attempts that nobody answered, while nobody was. One call at a time is at the `door`."""

    flow: Flow
    course: Course
    requests: Bucket | None = None
    tokens: Bucket | None = None
    requests_left: Allowance = field(default_factory=Allowance)
    tokens_left: Allowance = field(default_factory=Allowance)
    paused_until: float = 0.0
    answered: bool = False
    failures: int = 0
    closed: CallFailure | None = None
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _typical_tokens: float | None = None
    _newest_report: int = 0
    _reset_at: float = 0.0
    _told_until: float = -math.inf

    def wait(self, tokens: int, now: float) -> float:
        """Give the seconds until a call may leave; 0: it takes what it needs of the rates."""
        likely = tokens if self._typical_tokens is None else min(self._typical_tokens, tokens)
        reports = ((self.requests_left, 1.0), (self.tokens_left, likely))
        reset = max(allowance.wait(amount, now) for allowance, amount in reports)
        self._reset_at = now + reset if reset else 0.0
        rates: tuple[tuple[Bucket | None, float], ...] = ((self.requests, 1.0), (self.tokens, tokens))
        buckets = [(bucket, amount) for bucket, amount in rates if bucket is not None]
        seconds = max(
            self.paused_until - now,
            self.flow.spacing(now),
            reset,
            *(bucket.wait(amount, now) for bucket, amount in buckets),
        )
        if seconds > 0:
            return seconds
        for allowance, amount in reports:
            allowance.take(amount)
        for bucket, amount in buckets:
            bucket.take(amount)
        return 0.0

    def news_of_reset(self, now: float) -> float:
        """Give the seconds until what is used up is reset, if that is worth telling and was not told."""
        if self._reset_at - max(now, self._told_until) < WORTH_TELLING:
            return 0.0
        self._told_until = self._reset_at
        self.course.add(now, self.flow.limit, "rate limit used up")
        return self._reset_at - now

    def is_news(self, until: float) -> bool:
        """Whether a pause is worth telling: calls that are refused together ask for about the same one."""
        if until - self._told_until < WORTH_TELLING:
            return False
        self._told_until = until
        return True

    def land(self, ticket: Ticket, answer: Answer, reserved_tokens: int, now: float) -> None:
        """Note how a call ended."""
        self._count(answer, reserved_tokens)
        if answer.quota is not None:
            self._heed_report(ticket, answer.quota, now)
        before = self.flow.limit
        self._learn(ticket, answer, now)
        if self.flow.limit != before:
            self.course.add(now, self.flow.limit, _why(answer, is_closed=self.flow.is_closed))
        self.changed.set()

    def is_dead(self, call: Call, failure: CallFailure) -> bool:
        """Whether the provider is taken for unreachable, now that this call has failed for good."""
        if self.answered or failure.outcome == "unsent" or call.may_repeat(failure.kind):
            return False
        return failure.outcome == "failed" or self.failures >= ENOUGH_FAILURES

    def _learn(self, ticket: Ticket, answer: Answer, now: float) -> None:
        if isinstance(answer, CallFailure) and (answer.outcome == "unsent" or answer.kind == "interrupted"):
            self.flow.give_back()
        elif isinstance(answer, CallFailure) and answer.kind == "rate_limit":
            self.course.refusals[answer.status or 429] += 1
            self.flow.refused(ticket, now, answer.retry_after or 0.0)
        elif isinstance(answer, CallFailure) and answer.kind in NOT_REACHED:
            self.flow.troubled(now)
        else:
            self.flow.answered(ticket, now)

    def _count(self, answer: Answer, reserved_tokens: int) -> None:
        """Note whether somebody answered; give back what the answer did not use."""
        if isinstance(answer, Completion):
            self.answered = True
            used = answer.usage.total_tokens
            known = self._typical_tokens
            self._typical_tokens = used if known is None else known + (used - known) / 8
            self._give_back(reserved_tokens - used)
        elif answer.outcome == "unsent":
            self._give_back(reserved_tokens, requests=1)
        elif answer.status is None and answer.kind in NOT_REACHED:
            self.failures += 1
        elif answer.kind != "interrupted":
            self.answered = True

    def _give_back(self, tokens: float, *, requests: int = 0) -> None:
        if self.tokens is not None:
            self.tokens.take(-tokens)
        if self.requests is not None:
            self.requests.take(-requests)

    def _heed_report(self, ticket: Ticket, quota: Quota, now: float) -> None:
        """Believe the newest report, less what left after the call that it answers."""
        if ticket.number < self._newest_report:
            return
        self._newest_report = ticket.number
        later = self.flow.sent - ticket.number
        typical = self._typical_tokens or 0.0
        reports = (
            (self.requests_left, quota.requests, quota.requests_reset, later),
            (self.tokens_left, quota.tokens, quota.tokens_reset, later * typical),
        )
        for allowance, left, reset, taken in reports:
            if left is not None and reset is not None:
                allowance.note(left - taken, now + min(reset, LONGEST_RESET))


def _why(answer: Answer, *, is_closed: bool) -> str:
    if not isinstance(answer, CallFailure):
        return "growth"
    return f"{answer.status or 429}, closed" if is_closed else str(answer.status or 429)


def gate_of(profile: ModelProfile, size: Bounds, now: float) -> ModelGate:
    """Make the gate of a model that is asked for the first time."""
    course = Course(began=now)
    course.add(now, size.start, "start")
    return ModelGate(
        Flow(Window(size.start, size.ceiling)),
        course,
        requests=Bucket(profile.requests_per_minute) if profile.requests_per_minute else None,
        tokens=Bucket(profile.tokens_per_minute) if profile.tokens_per_minute else None,
    )
