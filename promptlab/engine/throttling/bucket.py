"""Rates that are known: of the settings, a minute, and of a provider's headers, until they are reset."""

import math

from promptlab.core.frozen import slotted

MINUTE = 60.0
CRUMB = 1e-6  # what rounding leaves, not worth a sleep


@slotted
class Bucket:
    """A rate per minute as a bucket that holds a second's worth; may go into debt by one call."""

    per_minute: float
    level: float = math.inf
    filled_at: float = 0.0

    def wait(self, amount: float, now: float) -> float:
        """Give the seconds until `amount` may be taken."""
        rate = self.per_minute / MINUTE
        ceiling = max(rate, 1.0)
        self.level = min(ceiling, self.level + (now - self.filled_at) * rate)
        self.filled_at = now
        missing = min(amount, ceiling) - self.level
        return missing / rate if missing > CRUMB else 0.0

    def take(self, amount: float) -> None:
        """Take `amount`; a negative one gives back."""
        self.level -= amount


@slotted
class Allowance:
    """What a provider said that it will still take until a moment; nothing is known after that."""

    left: float = math.inf
    until: float = -math.inf

    def note(self, left: float, until: float) -> None:
        self.left, self.until = left, until

    def wait(self, amount: float, now: float) -> float:
        """Give the seconds until the reset, if less than `amount` is left before it."""
        return self.until - now if now < self.until and self.left < amount else 0.0

    def take(self, amount: float) -> None:
        self.left -= amount
