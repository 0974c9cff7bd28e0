"""The calls in flight: when the next may leave, and what answers and refusals say of the limits."""

import math
from dataclasses import field

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.throttling import spurt
from promptlab.engine.throttling.pace import HASTE, UNSURE, Pace
from promptlab.engine.throttling.spurt import DEAR, Spurt
from promptlab.engine.throttling.suspicion import NONE, Suspicion
from promptlab.engine.throttling.window import Window

PATIENCE = 15  # times as long as a refusal had it wait, before a limit is tried again
DOUBT = 2.0  # seconds of that wait which count, as long as a limit was found but once
TIMER = 0.005  # seconds that a sleep may miss
LATE = 0.25  # of the distance between two calls, which one may leave late and still be paced
SHORTEST = 0.1  # seconds that say something of a rate
TELLING = 1.0  # seconds of calls that tell a rate, whatever the burst
CALM = 5.0  # seconds without growth after a fault of the server


@frozen
class Ticket:
    """A call that left: the how-manieth, when, beside how many (itself among them), and how it left.

    `widest`: the most calls at once since something was refused before. `is_wide`, `is_paced`: the window was
    in full use, or it left as soon as the pace allowed.
    """

    number: int
    left_at: float
    width: int = 0
    widest: int = 0
    is_wide: bool = False
    is_paced: bool = False


@slotted
class Flow:
    """Two limits, learned together: a window of calls in flight, and a pace. Pure: it is told of the time.

    - The first refusal begins an episode, which all calls then in flight belong to; each episode counts once.
    - It slows down to what was let in since the one before. Where all refusals fit a number of calls at once,
      that shrinks instead, and the pace makes way.
    - Where nothing was let in since the last episode, the provider is closed: the pace falls, down to a call
      in eight seconds, returns with the first answers, and what the refusal before seemed to say is unsaid.
    - Faults of the server and timeouts only pause growth.
    """

    window: Window
    pace: Pace = field(default_factory=Pace)
    in_flight: int = 0
    sent: int = 0
    _suspicion: Suspicion = NONE
    _before: Suspicion = NONE
    _episode: int = 0
    _refused: int = 1
    _began: float = 0.0
    _cut_at: float = -math.inf
    _paused_until: float = -math.inf
    _shrunk_at: int = 0
    _widest: int = 0
    _latency: float = 0.0
    _heard_after: float = 0.0
    _refusals: int = 0
    _waited: float = 0.0
    _is_dear: bool = False
    _spurt: Spurt = spurt.NONE
    _shut_at: float = math.inf
    _calm_at: float = -math.inf
    _full_until: float = -math.inf
    _provoke_at: float = -math.inf
    _next_at: float = -math.inf

    @property
    def limit(self) -> int:
        """How many calls may be in flight."""
        return self.window.limit

    @property
    def has_room(self) -> bool:
        return self.in_flight < self.limit

    @property
    def is_closed(self) -> bool:
        """Whether it was refused whatever it sent since the last episode."""
        return self.pace.is_hushed

    def has_shut(self, now: float, *, refusals: int, seconds: float) -> bool:
        """Whether nothing was let in for so long and so many refusals, nor is anything in flight."""
        return not self.in_flight and self._refusals >= refusals and now - self._shut_at >= seconds

    def spacing(self, now: float) -> float:
        """Give the seconds until the next call should leave."""
        turn = max(self._next_at, self._full_until if self.in_flight else 0.0)
        return turn - now if turn - now > self._slack else 0.0

    def leave(self, now: float) -> Ticket:
        """Note that a call leaves."""
        if not self.sent:
            self._began = now  # from here on counts what is let in until the first refusal
        self.sent += 1
        self.in_flight += 1
        is_paced = self.pace.is_limited and now - self._next_at <= max(TIMER, LATE * self.pace.apart)
        self._next_at = max(self._next_at, now - self._slack) + self.pace.apart
        is_wide = 4 * self.in_flight >= 3 * self.limit
        ticket = Ticket(self.sent, now, self.in_flight, self._widest, is_wide, is_paced)
        self._widest = max(self._widest, self.in_flight)
        return ticket

    def give_back(self) -> None:
        """Note that a call did not leave after all."""
        self.in_flight -= 1

    def answered(self, ticket: Ticket, now: float) -> None:
        """Note an answer; whatever it says, the call was let in."""
        self.in_flight -= 1
        self._refusals = 0
        self._full_until = -math.inf
        self._latency += (now - ticket.left_at - self._latency) / (8 if self._latency else 1)
        if ticket.number <= self._shrunk_at:
            return  # it left before the last episode and says nothing of now
        if self.pace.answered():
            self._episode, self._refused, self._began = self.sent, 0, now
        if now < self._calm_at:
            return
        may_provoke = now >= self._provoke_at
        if ticket.is_paced and self.pace.rate < HASTE * self._speed:
            self.pace.earn(now, self._heard_after, may_provoke=may_provoke, is_dear=self._is_dear)
        if ticket.is_wide and self.limit < self.window.ceiling:
            self.window.earn(may_provoke=may_provoke)

    def troubled(self, now: float) -> None:
        """Note a fault of the server, or that there was no answer in time."""
        self.in_flight -= 1
        self._calm_at = now + CALM

    def refused(self, ticket: Ticket, now: float, retry_after: float = 0.0) -> None:
        """Note that a call was one too many."""
        self.in_flight -= 1
        if not self._refusals:
            self._shut_at = now
        self._refusals += 1
        self._is_dear = retry_after >= DEAR
        self._heard_after += (now - ticket.left_at - self._heard_after) / 4
        if ticket.number > self._shrunk_at:
            self._begin_episode(ticket, now + retry_after)
            self._began = ticket.left_at
            self._cut_at = now
            self._next_at = now + max(retry_after, self.pace.apart + 2 * self._slack)
            self._provoke_at = now
        self._provoke_at = max(self._provoke_at, now + self._forbearance(retry_after))
        if retry_after:
            self._pause(now + retry_after)
        self._refused += 1
        self._widest = self.in_flight

    def _forbearance(self, retry_after: float) -> float:
        """Give the seconds until a limit is tried again: longer once it was found again where it was."""
        if self.pace.patience == 1 and not self.window.is_sure:
            return PATIENCE * min(retry_after, DOUBT)
        return PATIENCE * retry_after * max(1.0, self.pace.patience / 2)

    def _pause(self, until: float) -> None:
        """Count no time in which nothing may leave; refusals that are heard later prolong it."""
        until = max(until, self._paused_until)
        more = until - max(self._cut_at, self._paused_until)
        self._began += more
        self._waited += more
        self._paused_until = until

    def _begin_episode(self, ticket: Ticket, resumes_at: float) -> None:
        # refusals are heard in the order of departure: of what left before, all else was let in
        let_in = max(0, ticket.number - self._episode - self._refused)
        if not let_in and self.pace.is_limited:
            self._find_full_or_closed(ticket, resumes_at)
        else:
            self._learn(ticket, let_in, resumes_at)
        self._waited = 0.0
        self._episode, self._refused = ticket.number, 0
        self._shrunk_at = self.sent
        self.window.start_over()

    def _find_full_or_closed(self, ticket: Ticket, now: float) -> None:
        """Nothing was let in: beside as many calls as were too many before, until one of them is answered."""
        is_full = self._latency and 1 < self._suspicion.least_refused <= ticket.width
        if is_full and not self.pace.is_hushed:
            self._full_until = now + self._latency
            return
        if not self.pace.is_hushed:
            self._suspicion = self._before
        self.pace.hush()

    def _learn(self, ticket: Ticket, let_in: int, now: float) -> None:
        seconds = max(ticket.left_at - self._began, SHORTEST)
        before, self._spurt = self._spurt, Spurt(let_in, seconds, self._waited)
        is_clear = ticket.left_at > self._cut_at + self._heard_after  # no refusal is under way unheard
        self._before = self._suspicion
        if is_clear:
            self._suspicion = self._suspicion.after(ticket.width, ticket.widest, let_in)
        if is_clear and self._suspicion.is_size and self.pace.is_limited:
            self.window.shrink(self._suspicion.least_refused)
            self.pace.make_way(self._speed, now)
        else:
            found = self._found(ticket, let_in)
            told = self._spurt.rate(before, min(found, self.pace.rate))
            self.pace.slow_down(let_in, found, now, speed=self._speed, told=told)

    def _found(self, ticket: Ticket, let_in: int) -> float:
        """Give the calls a second that were let in: of the last round trip, while each doubles them."""
        found = (let_in + UNSURE) / max(ticket.left_at - self._began, SHORTEST)
        is_told = not self.pace.is_limited and self._latency >= TELLING
        return max(found, ticket.width / self._latency) if is_told else found

    @property
    def _speed(self) -> float:
        """Give the calls a second that the window gives."""
        return self.limit / self._latency if self._latency else math.inf

    @property
    def _slack(self) -> float:
        """Give the seconds that are made up for where calls leave closer than timers can tell."""
        return TIMER if self.pace.apart < 4 * TIMER else 0.0
