"""Calls a second: what was let in between two refusals, tried a little higher ever more seldom."""

import math

from promptlab.core.frozen import slotted

MARGIN = 0.93  # of the rate that was let in, to go on with
MOST_CUT, LEAST_CUT = 0.5, 0.95  # of the rate before, whatever was let in
STEP = 0.025  # of the rate; doubled each time beyond the known one
WIDEST_STEP = 0.1  # of the rate of now, or a call a second if that is more
UNSURE = 0.5  # calls: a rate is known that well, and a first step closes it
BEYOND = 1.05  # times the known rate is beyond it, from where on steps get wider
NEAR = 1.1  # and up to here, it takes patience: a step that is too much shows only once the burst is used up
ROUND = 5  # answers at least before a step,
LONG = 8.0  # or as many as leave in so many seconds
SETTLED = 0.25  # seconds at least before a step, and twice as long as a refusal takes to be heard
PATIENT = 1.0  # seconds at least at what is taken for the rate
MOST_DOUBLINGS = 2
BURST = 1.0  # seconds of calls at the known rate, which a burst may hide
SLOW = 1.0  # calls a second: what is known of a slower pace is little, so it doubles up to here
HASTE = 1.25  # times as many as the window gives: no limit, but evenly spaced
HUSH = 4  # times slower at each refusal while nothing is let in
SLOWEST = 8.0  # seconds from one call to the next, whatever is refused


@slotted
class Pace:
    """AIMD on calls a second; unlimited until something is refused. Pure: it is told of the time.

    `known` is what is taken for the provider's rate. `rate`, that of now, starts a little below, comes closer
    step by step, goes beyond only after some patience, and faster the longer nothing is refused there. Few
    calls say little: what they tell of a slow pace is soon unlearned.
    While all is refused (`is_hushed`) it falls to a quarter each time, and returns with the first answers.
    """

    rate: float = math.inf
    known: float = math.inf
    is_hushed: bool = False
    _before: float = math.inf
    _held: float = 0.0
    _changed_at: float = 0.0
    _credits: int = 0
    _step: float = STEP
    _probes: int = 0

    @property
    def is_limited(self) -> bool:
        return self.rate < math.inf

    @property
    def apart(self) -> float:
        """Give the seconds from one call to the next."""
        return 1 / self.rate

    @property
    def patience(self) -> int:
        """Give how many times as long as at first the known rate is kept: it was refused there again."""
        return 1 << self._probes

    def slow_down(
        self, let_in: int, found: float, now: float, *, speed: float, told: float | None = None
    ) -> None:
        """Go on with the `found` rate, that of `let_in` calls since the refusal before.

        `speed`: the calls a second that the window gave. Beyond what is known, a
        rate that held before the last step is believed: the burst that a slow rate left explains the rest.
        `told`: the rate beside a burst, where that is known; it is believed in any case.
        """
        before = self._before = min(self.rate, HASTE * speed) if self.is_limited else speed
        least = MOST_CUT * before if before < math.inf else SLOW
        found = min(max(found, least), LEAST_CUT * before)
        if self.is_limited and self.rate > self.known:
            found = max(found, self._held)
        if told is not None:
            found = min(told, LEAST_CUT * before)
        is_same = self.known / BEYOND**2 <= found <= self.known * BEYOND**2
        self._probes = min(self._probes + 1, MOST_DOUBLINGS) if is_same else 0
        self.is_hushed = False
        self._set(found, MARGIN, max(STEP, UNSURE / (let_in + 1)), now)

    def make_way(self, speed: float, now: float) -> None:
        """Leave the limit to the window, which gives so many a second."""
        self.is_hushed = False
        self._set(min(speed, self.rate), HASTE, STEP, now)
        self._before = self.rate

    def hush(self) -> None:
        """Note that all was refused, which says nothing of the rate that was good before."""
        if not self.is_hushed and self._before < math.inf:
            self.known = self._before
        self.is_hushed = True
        self.rate = max(self.rate / HUSH, 1 / SLOWEST)

    def answered(self) -> bool:
        """Note an answer: where all was refused, return half the way, in orders of magnitude.

        Give whether that brought it back.
        """
        if not self.is_hushed:
            return False
        self.rate = math.sqrt(self.rate * self.known)
        self.is_hushed = self.rate < self.known * MARGIN
        return not self.is_hushed

    def earn(self, now: float, heard_after: float, *, may_provoke: bool, is_dear: bool = False) -> None:
        """Note an answer to a call that left as soon as it might; refusals are heard so much later.

        `is_dear`: a refusal would cost seconds, so a step is taken once no burst can have hidden that the one
        before was too much.
        """
        self._credits += 1
        is_near = 1 <= self.rate / self.known <= NEAR
        patience = self.patience if is_near else 1
        settled_at = self._changed_at + max(PATIENT if is_near else SETTLED, 2 * heard_after) * patience
        enough = min(ROUND, LONG * self.rate) * patience
        if self._credits < enough or now < settled_at or (is_near and not may_provoke):
            return
        if is_dear and self.rate >= self.known:
            self._climb(now)
            return
        if self.rate > self.known * BEYOND:
            self._step = min(2 * self._step, max(WIDEST_STEP, min(1.0, SLOW / self.rate)))
        self._held = self.rate
        faster = self.rate * (1 + self._step)
        self.rate = min(faster, self.known) if self.rate < self.known else faster
        self._credits, self._changed_at = 0, now

    def _climb(self, now: float) -> None:
        """Go twice as far beyond the known rate, where what was beyond it adds up to more than a burst."""
        beyond = self.rate / self.known - 1
        if 0 < beyond * (now - self._changed_at) < BURST:
            return
        self._held, self.rate = self.rate, self.known * (1 + max(2 * beyond, WIDEST_STEP))
        self._credits, self._changed_at = 0, now

    def _set(self, known: float, share: float, step: float, now: float) -> None:
        self.known = max(known, 1 / SLOWEST)
        self.rate, self._step = max(self.known * share, 1 / SLOWEST), step
        self._credits, self._changed_at = 0, now
