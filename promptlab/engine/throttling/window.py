"""The window of calls in flight: grows while none is refused, shrinks once for each episode of refusals."""

import math
from dataclasses import dataclass

SHRINK = 0.85  # of what was in flight when the first call was refused
PROBE_AFTER = 30  # answers at the size that was refused last, before it is tried again
WALL_MARGIN = 1.05  # beyond this the old wall is forgotten
STEP_SHARE = 8  # a step is at most this part of the window
CALM = 5.0  # seconds without growth after a fault of the server
COOL_DOWN = 0.5  # seconds until a closed provider is tried again, doubled each time
LONGEST_COOL_DOWN = 16.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """A call that left: the how-manieth, and whether the window was in full use then."""

    number: int
    in_full_use: bool


@dataclass(slots=True)
class Window:
    """AIMD on calls in flight, as TCP does it on bytes; pure: it is told of each call and of the time.

    - Below `threshold` it doubles each round trip; above, it grows by one a window, near the size that was
      refused last (`wall`) more slowly, and faster the further it gets beyond.
    - The first refusal begins an episode, which all calls then in flight belong to. It shrinks the window to
      0.85 of them; each further one says that one more of them was too many.
    - Refusals of calls that left after the shrink, before any of them was answered, mean a closed provider:
      one call at a time finds out whether it is open, after pauses that double.
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

    @property
    def has_room(self) -> bool:
        return self.in_flight < self.limit

    @property
    def sent(self) -> int:
        """How many calls have left."""
        return self._sent

    def leave(self) -> Ticket:
        """Note that a call leaves."""
        self._sent += 1
        self.in_flight += 1
        return Ticket(self._sent, in_full_use=4 * self.in_flight >= 3 * self.limit)

    def give_back(self) -> None:
        """Note that a call did not leave after all."""
        self.in_flight -= 1

    def answered(self, ticket: Ticket, now: float) -> None:
        """Note an answer; whatever it says, the call was let in."""
        self.in_flight -= 1
        if ticket.number <= self._shrunk_at:
            return  # it left before the last shrink and says nothing of now
        self._answered_since, self._closed_times = True, 0
        if ticket.in_full_use and now >= self._calm_at and self.limit < self.ceiling:
            self._earn()

    def troubled(self, now: float) -> None:
        """Note a fault of the server, or that there was no answer in time."""
        self.in_flight -= 1
        self._calm_at = now + CALM

    def refused(self, ticket: Ticket) -> float:
        """Note that a call was one too many; give the seconds for which none should leave."""
        self.in_flight -= 1
        if ticket.number <= self._shrunk_at:
            self._one_more_too_many()
            return 0.0
        is_closed = not self._answered_since
        self._begin_episode()
        if is_closed:
            return self._close()
        self.wall = self._width
        self.limit = max(1, min(self.limit, self._width - 1, int(self._width * SHRINK)))
        self.threshold = self.limit
        return 0.0

    def _begin_episode(self) -> None:
        self._width, self._refused = self.in_flight + 1, 1
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
            self.threshold = self.limit
        elif not self._closed_times:  # none was let in: it closed, which says nothing of its size
            self.threshold = max(1, int(self._width * SHRINK))

    def _earn(self) -> None:
        self._credits += 1
        if self.limit < self.threshold:
            self._grow(1)
        elif self._credits >= self._price():
            self._grow(self._step)
            if self.limit > self.wall * WALL_MARGIN:
                self._step = min(2 * self._step, max(1, self.limit // STEP_SHARE))

    def _price(self) -> int:
        """Give how many answers the next step takes: a window of them, but more at the wall."""
        is_near = self.wall <= self.limit + 1 <= self.wall * WALL_MARGIN + 1
        return max(self.limit, PROBE_AFTER) if is_near else self.limit

    def _grow(self, step: int) -> None:
        self.limit = min(self.ceiling, self.limit + step)
        self._credits = 0
