"""What a provider lets in after a pause until it refuses again: a burst that refilled, and its rate."""

import math

from promptlab.core.frozen import frozen

DEAR = 1.5  # seconds of a pause, from where on it costs more than a little
SOON = 2.0  # times as long as the pause: until then the burst is much of what was let in
AT_ONCE = 0.5  # times as long as the pause: the burst is most of it
APART = 3  # calls, by which two spurts differ at least to tell the rate


@frozen
class Spurt:
    """The calls that were let in within some `seconds`, after a pause of `waited` seconds."""

    let_in: int = 0
    seconds: float = 0.0
    waited: float = 0.0

    def rate(self, before: "Spurt", most: float) -> float | None:
        """Give the calls a second, at `most` so many, that this spurt and the one before it tell of.

        What two of unlike length let in differs by the rate, for their bursts are alike. Where they are too
        much alike, and refused at once, it lies between what was let in with the pause counted, and without.
        """
        if not (self.is_within(SOON) and before.is_within(SOON)):
            return None
        least = self.let_in / (self.seconds + self.waited)
        calls, seconds = self.let_in - before.let_in, self.seconds - before.seconds
        if abs(calls) >= APART and calls * seconds > 0:
            return min(max(calls / seconds, least), most)
        if self.is_within(AT_ONCE) and before.is_within(AT_ONCE):
            return math.sqrt(least * most) if self.let_in >= APART else max(math.sqrt(least * most), most / 2)
        return None

    def is_within(self, times: float) -> bool:
        """Whether it was refused within so many times the pause before it."""
        return self.waited >= DEAR and self.seconds <= times * self.waited


NONE = Spurt()
