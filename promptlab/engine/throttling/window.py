"""Calls at once: doubled while none is refused, then in steps that get smaller towards the size that was."""

import math

from promptlab.core.frozen import slotted

SHRINK = 0.85  # of the size that was refused
PROBE_AFTER = 8  # answers below the size that was refused, before it is tried again; doubled each time
MOST_DOUBLINGS = 3
WALL_MARGIN = 1.05  # beyond this the old wall is forgotten
WAY_SHARE = 4  # a step is this part of the way to the wall
STEP_SHARE = 4  # and beyond it at most this part of the window


@slotted
class Window:
    """AIMD on calls in flight, as TCP does it on bytes.

    Below `threshold` it doubles each round trip. Above, it grows once a window, in steps that get smaller
    towards the size that was refused last (`wall`), and larger again the further it gets beyond. The wall
    itself is tried ever more seldom.
    """

    limit: int
    ceiling: int
    threshold: float = math.inf
    wall: float = math.inf
    _credits: int = 0
    _step: int = 1
    _probes: int = 0

    @property
    def is_sure(self) -> bool:
        """Whether the wall was found where it was, after the first time once more."""
        return self._probes > 1

    def shrink(self, wall: int) -> None:
        """Go on below a size that was refused."""
        is_same = abs(wall - self.wall) <= max(1.0, self.wall * (WALL_MARGIN - 1))
        self._probes = min(self._probes + 1, MOST_DOUBLINGS) if is_same else 0
        self.wall = wall
        self.limit = max(1, min(self.limit, wall - 1, int(wall * SHRINK)))
        self.threshold = self.limit

    def start_over(self) -> None:
        """Forget what was earned, as something was refused."""
        self._credits, self._step = 0, 1

    def earn(self, *, may_provoke: bool) -> None:
        """Note an answer to a call that left in full use."""
        self._credits += 1
        if self.limit < self.threshold:
            self._grow(1)
        elif self.limit + 1 < self.wall:
            if self._credits >= self.limit:
                self._grow(max(1, int(self.wall - self.limit) // WAY_SHARE))
        elif self.limit < int(self.wall * WALL_MARGIN):
            price = PROBE_AFTER * 2**self._probes
            if self._credits >= max(self.limit, price) and may_provoke:
                self._grow(1)
        elif self._credits >= self.limit:
            self._grow(self._step)
            self._step = min(2 * self._step, max(1, self.limit // STEP_SHARE))

    def _grow(self, step: int) -> None:
        self.limit = min(self.ceiling, self.limit + step)
        self._credits = 0
