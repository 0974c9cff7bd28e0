"""Which of two limits refused a call: that of calls at once, or that of calls a second."""

from promptlab.core.frozen import frozen

ENOUGH = 4  # calls let in, and as many as the size, before it is taken for the limit
EPISODES = 2  # that all fit a size, before it is


@frozen
class Suspicion:
    """A provider of so many at once refuses only beside more calls than it ever lets in.

    One of a rate refuses beside any. So a refusal beside no more than were let in clears the size, and
    all starts anew.
    """

    least_refused: int = 0
    most_let_in: int = 1
    let_in: int = 0
    episodes: int = 0

    @property
    def is_size(self) -> bool:
        return self.episodes >= EPISODES and self.let_in >= max(ENOUGH, self.least_refused)

    def after(self, width: int, widest: int, let_in: int) -> "Suspicion":
        """Give what is known after a refusal beside `width` calls and `let_in` calls, of up to `widest`."""
        least = min(self.least_refused or width, width)
        most = max(self.most_let_in, widest)
        if least > most:
            return Suspicion(least, most, self.let_in + let_in, self.episodes + 1)
        return Suspicion(width, widest, let_in, 1) if widest < width else Suspicion(width, 1, 0, 0)


NONE = Suspicion()
