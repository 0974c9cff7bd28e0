"""The same clients and providers as `simulated`, told event by event: a tenth of the time, for sweeps."""

import heapq
import math
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import NamedTuple

from promptlab.engine.completion import Answer, Completion, Usage
from promptlab.engine.provider import ModelProfile
from promptlab.engine.throttling.bounds import bounds
from promptlab.engine.throttling.flow import Ticket
from promptlab.engine.throttling.gate import ModelGate, gate_of
from tests.scripted import ENDPOINT
from tests.simulated import Observed
from tests.virtual_time import UPTIME

TOKENS = 10
CEILING = 10_000
MOST_DOUBLINGS = 7  # of the pause before a retry: a minute


class Coming(NamedTuple):
    """What happens next: a call lands, or, without a ticket, one asks again."""

    at: float
    number: int
    attempt: int
    ticket: Ticket | None = None
    status: int = 0


@dataclass
class QuickSimulation(Observed):
    """Clients that always want one more answer, at a real gate, with the pauses of a retry."""

    clients: int
    seconds: float
    _now: float = 0.0
    _coming: list[Coming] = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)
    _random: Random = field(default_factory=lambda: Random(11))

    def __post_init__(self) -> None:
        profile = ModelProfile(endpoint=ENDPOINT, model="m", max_concurrency=CEILING)
        self._gate: ModelGate = gate_of(profile, bounds(profile, None), UPTIME)
        self._waiting = deque([1] * self.clients)
        self._answers: dict[int, Answer] = {200: Completion(text="", usage=Usage(5, 5))}
        self._answers |= {status: self.model.error(status).as_failure() for status in (429, 503, 529)}
        while self._now < self.seconds:
            turn = self._now + self._leave()
            if self._coming and self._coming[0].at <= turn:
                self._arrive(heapq.heappop(self._coming))
            else:
                self._now = turn

    def _leave(self) -> float:
        """Let leave whoever may; give the seconds until the next may."""
        while self._waiting and self._gate.flow.has_room:
            if seconds := self._gate.wait(TOKENS, UPTIME + self._now):
                return seconds
            attempt, ticket = self._waiting.popleft(), self._gate.flow.leave(UPTIME + self._now)
            seen = self.model.hear(self._now)
            self._expect(seen.took, attempt, ticket, seen.status)
        return math.inf

    def _arrive(self, coming: Coming) -> None:
        self._now = coming.at
        if coming.ticket is None:
            self._waiting.append(coming.attempt)
            return
        self._gate.land(coming.ticket, self._answers[coming.status], TOKENS, UPTIME + self._now)
        if coming.status == 200:
            self.model.in_flight -= 1
            self._waiting.append(1)
        else:
            self._again(coming.attempt)

    def _again(self, attempt: int) -> None:
        asked = self.model.retry_after or 0.0
        self._gate.paused_until = max(self._gate.paused_until, UPTIME + self._now + asked)
        pause = min(60, 0.5 * 2.0 ** (attempt - 1)) * self._random.uniform(0.8, 1.2)
        self._expect(max(pause, asked), min(attempt + 1, MOST_DOUBLINGS + 1))

    def _expect(self, later: float, attempt: int, ticket: Ticket | None = None, status: int = 0) -> None:
        heapq.heappush(self._coming, Coming(self._now + later, next(self._numbers), attempt, ticket, status))
