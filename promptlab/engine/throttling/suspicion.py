"""Which of two limits refused a call: that of calls at once, or that of calls a second."""

from dataclasses import dataclass

ENOUGH = 4  # calls let in, and as many as the size, before it is taken for the limit


@dataclass(slots=True)
class Suspicion:
    """A provider of so many at once refuses only beside more calls than it ever lets in.

    One of a rate refuses beside any. So a refusal beside no more than were let in clears the size, and
    all starts anew.
    """

    least_refused: int = 0
    _most_let_in: int = 1
    _let_in: int = 0
    _episodes: int = 0

    def is_size(self, width: int, widest: int, let_in: int) -> bool:
        """Note a refusal beside `width` calls, itself among them, after `let_in` calls of up to `widest`."""
        self.least_refused = min(self.least_refused or width, width)
        self._most_let_in = max(self._most_let_in, widest)
        self._let_in += let_in
        if self.least_refused <= self._most_let_in:
            self.least_refused = width
            self._most_let_in, self._let_in = (widest, let_in) if widest < width else (1, 0)
            self._episodes = 0
        self._episodes += 1
        return self._episodes >= 3 and self._let_in >= max(ENOUGH, self.least_refused)
