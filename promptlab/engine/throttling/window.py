"""The window of calls in flight: grows while none is refused, shrinks once for each episode of refusals."""

import math
from dataclasses import dataclass

from promptlab.core.frozen import frozen

SHRINK = 0.85  # of what was in flight when the first call was refused
LATE = 0.75  # of the calls beside it, at least so many are still in flight where a refusal is heard at once
PROBE_AFTER = 8  # answers below the size that was refused, before it is tried again; doubled each time
MOST_DOUBLINGS = 3
WALL_MARGIN = 1.05  # beyond this the old wall is forgotten
WAY_SHARE = 4  # a step is this part of the way to the wall
STEP_SHARE = 4  # and beyond it at most this part of the window
PATIENCE = 20  # times as long as a refusal had it wait, before the wall is tried again
HASTE = 1.25  # calls leave so much closer than evenly
SLOWER, QUICKER, SLOWEST = 1.5, 0.98, 64.0  # the spacing of one call at a time, where even that is refused
CATCH_UP = 0.02  # seconds of spacing that may be made up for
INSTANT = 0.005  # seconds that are not worth a sleep
CALM = 5.0  # seconds without growth after a fault of the server
COOL_DOWN = 0.5  # seconds until a closed provider is tried again, doubled each time
LONGEST_COOL_DOWN = 16.0


@frozen
class Ticket:
    """A call that left: the how-manieth, when, whether that was full use, and how many were in flight."""

    number: int
    left_at: float
    in_full_use: bool
    width: int = 0


@dataclass(slots=True)
class Window:
    """AIMD on calls in flight, as TCP does it on bytes; pure: it is told of each call and of the time.

    - Below `threshold` it doubles each round trip. Above, it grows once a window, in steps that get smaller
      towards the size that was refused last (`wall`), and larger again the further it gets beyond. The wall
      itself is tried seldom, the longer a refusal has it wait the more so.
    - The first refusal begins an episode, which all calls then in flight belong to. It shrinks the window to
      0.85 of them; each further one says that one more of them was too many.
    - Refusals of calls that left after the shrink, before any of them was answered, mean a closed provider:
      one call at a time finds out whether it is open, after pauses that double.
    - Once something was refused, calls leave evenly spaced, so that few of them find a door that has closed;
      where one at a time is too many, further apart than it takes to answer them.
    - Faults of the server and timeouts only pause growth.
    """

    limit: int
    ceiling: int
    in_flight: int = 0
    threshold: float = math.inf
    wall: float = math.inf
    _sent: int = 0
    _shrunk_at: int = 0
    _width: int = 0
    _refused: int = 0
    _answered_since: bool = True
    _closed_times: int = 0
    _credits: int = 0
    _step: int = 1
    _calm_at: float = -math.inf
    _provoke_at: float = -math.inf
    _probes: int = 0
    _latency: float = 0.0
    _next_at: float = -math.inf
    _slowness: float = 1.0

    @property
    def has_room(self) -> bool:
        return self.in_flight < self.limit

    @property
    def is_closed(self) -> bool:
        """Whether it was refused whatever it sent since the last shrink."""
        return self._closed_times > 0

    @property
    def sent(self) -> int:
        """How many calls have left."""
        return self._sent

    def spacing(self, now: float) -> float:
        """Give the seconds until the next call should leave."""
        return self._next_at - now if self._next_at - now > INSTANT else 0.0

    def leave(self, now: float) -> Ticket:
        """Note that a call leaves."""
        self._sent += 1
        self.in_flight += 1
        if self.wall < math.inf:
            apart = self._latency * self._slowness / self.limit / HASTE
            self._next_at = max(self._next_at, now - CATCH_UP) + apart
        in_full_use = 4 * self.in_flight >= 3 * self.limit
        return Ticket(self._sent, now, in_full_use, self.in_flight)

    def give_back(self) -> None:
        """Note that a call did not leave after all."""
        self.in_flight -= 1

    def answered(self, ticket: Ticket, now: float) -> None:
        """Note an answer; whatever it says, the call was let in."""
        self.in_flight -= 1
        self._latency += (now - ticket.left_at - self._latency) / (8 if self._latency else 1)
        if ticket.number <= self._shrunk_at:
            return  # it left before the last shrink and says nothing of now
        self._answered_since, self._closed_times = True, 0
        self._slowness = max(1.0, self._slowness * QUICKER)
        if (
            ticket.in_full_use
            and self._slowness <= 1.0
            and now >= self._calm_at
            and self.limit < self.ceiling
        ):
            self._earn(now)

    def troubled(self, now: float) -> None:
        """Note a fault of the server, or that there was no answer in time."""
        self.in_flight -= 1
        self._calm_at = now + CALM

    def refused(self, ticket: Ticket, now: float, retry_after: float = 0.0) -> float:
        """Note that a call was one too many; give the seconds for which none should leave."""
        self.in_flight -= 1
        self._provoke_at = max(self._provoke_at, now + PATIENCE * retry_after)
        if ticket.number <= self._shrunk_at:
            self._one_more_too_many()
            return retry_after
        is_closed = not self._answered_since
        if self.limit == 1 and not is_closed:
            self._slowness = min(SLOWEST, self._slowness * SLOWER)
        self._begin_episode(ticket)
        return max(retry_after, self._close() if is_closed else self._shrink())

    def _shrink(self) -> float:
        is_same = abs(self._width - self.wall) <= max(1.0, self.wall * (WALL_MARGIN - 1))
        self._probes = min(self._probes + 1, MOST_DOUBLINGS) if is_same else 0
        self.wall = self._width
        self.limit = max(1, min(self.limit, self._width - 1, int(self._width * SHRINK)))
        self.threshold = self.limit
        return 0.0

    def _begin_episode(self, ticket: Ticket) -> None:
        # where refusals are heard as late as answers, most calls that it was too many beside have landed
        is_late = self.in_flight + 1 < LATE * ticket.width
        self._width, self._refused = ticket.width if is_late else self.in_flight + 1, 1
        self._shrunk_at = self._sent
        self._answered_since = False
        self._credits, self._step = 0, 1

    def _close(self) -> float:
        """Go on with one call; `threshold` keeps what was good before."""
        self.limit = 1
        self._closed_times += 1
        return min(COOL_DOWN * 2.0 ** (self._closed_times - 1), LONGEST_COOL_DOWN)

    def _one_more_too_many(self) -> None:
        self._refused += 1
        let_in = self._width - self._refused
        self.limit = max(1, min(self.limit, let_in))
        if not self._closed_times and let_in > 0:
            self.threshold = max(self.limit, self._width // 2)
        elif not self._closed_times:  # none was let in: it closed, which says nothing of its size
            self.threshold = max(1, int(self._width * SHRINK))

    def _earn(self, now: float) -> None:
        self._credits += 1
        if self.limit < self.threshold:
            self._grow(1)
        elif self.limit + 1 < self.wall:
            if self._credits >= self.limit:
                self._grow(max(1, int(self.wall - self.limit) // WAY_SHARE))
        elif self.limit < int(self.wall * WALL_MARGIN):
            price = PROBE_AFTER * 2**self._probes
            if self._credits >= max(self.limit, price) and now >= self._provoke_at:
                self._grow(1)
        elif self._credits >= self.limit:
            self._grow(self._step)
            self._step = min(2 * self._step, max(1, self.limit // STEP_SHARE))

    def _grow(self, step: int) -> None:
        self.limit = min(self.ceiling, self.limit + step)
        self._credits = 0
