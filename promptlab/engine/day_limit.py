"""The limit of a day, which all runs on one log share: what of it is left, as far as this run knows."""

import asyncio
from dataclasses import field
from typing import Protocol

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.brake import Brake
from promptlab.engine.clock import Clock

LOOK_AGAIN = 0.25  # seconds, while calls of other runs hold what is left


@frozen
class DaySpend:
    """What attempts that were sent on this UTC day took, in USD.

    `own`: those of this run that have ended. `elsewhere`: all of other runs, as dear as they may be where
    they have not ended. `held`: whether another run that is alive has calls in flight.
    """

    own: float = 0.0
    elsewhere: float = 0.0
    held: bool = False


class DayBook(Protocol):
    async def today(self) -> DaySpend: ...


@slotted
class DayLimit:
    """Knows what other runs took when it last looked; the log itself refuses what would pass the limit."""

    usd: float
    book: DayBook
    clock: Clock
    brake: Brake
    _others: float | None = None
    _held: bool = False
    _looks: int = 0
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def total(self, spent: float) -> float:
        """Give what of the day's limit is gone where this run has spent so much."""
        return (self._others or 0.0) + spent

    async def prepare(self, spent: float) -> None:
        """Look for the first time."""
        if self._others is None:
            await self.look(spent)

    async def look(self, spent: float) -> None:
        """Read what is gone; what this run spent before midnight counts no more."""
        found = await self.book.today()
        self._others = found.elsewhere + found.own - spent
        self._held = found.held
        self._looks += 1

    async def may_give(self, spent: float) -> bool:
        """Whether there may be room after all: a new day, or other runs' calls that end cheaper.

        One call looks and waits at a time; whoever waited behind it is told to count again.
        """
        looks = self._looks
        async with self._asking:
            if self.brake.refusal() is not None:
                return False
            return self._looks != looks or await self._has_changed(spent)

    async def _has_changed(self, spent: float) -> bool:
        before = self.total(spent)
        await self.look(spent)
        if self.total(spent) < before:
            return True
        if self._held:
            await self.brake.sleep(self.clock, LOOK_AGAIN)
        return self._held
