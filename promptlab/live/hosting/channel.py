"""What happens, told to any number of listeners who each read at their own pace."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import count
from typing import Any

from promptlab.core.ids import new_id

ROOM = 256  # events that are kept for whoever comes back; a state is kept once, whatever its age


@dataclass(frozen=True, slots=True)
class Told:
    """`id` is the channel's and the number of what it told; `data` is JSON."""

    number: int
    id: str
    kind: str
    data: str


class Channel:
    """Keeps the newest events, and of states (each by its key) the last alone.

    A listener pulls what is newer than what it had: one that is slow costs no memory, and misses states that
    were replaced meanwhile. To one that was away for more than ROOM events, `reread` is told first.
    """

    def __init__(self) -> None:
        self._name = new_id()
        self._numbers = count(1)
        self._events: deque[Told] = deque(maxlen=ROOM)
        self._states: dict[str, Told] = {}
        self._lost = 0
        self._changed = asyncio.Event()
        self._is_closed = False
        self.listeners = 0

    def tell(self, kind: str, data: dict[str, Any]) -> None:
        """Tell all listeners something that each of them is to hear."""
        if len(self._events) == ROOM:
            self._lost = self._events[0].number
        self._events.append(self._told(kind, data))
        self._wake()

    def tell_state(self, key: str, kind: str, data: dict[str, Any]) -> None:
        """Tell all listeners how something is now, in place of what was told of it before."""
        self._states[key] = self._told(kind, data)
        self._wake()

    def forget(self, key: str) -> None:
        self._states.pop(key, None)

    def close(self) -> None:
        """Have all listeners end once they have heard everything."""
        self._is_closed = True
        self._wake()

    async def follow(self, last: str | None = None) -> AsyncIterator[Told]:
        """Give all that is newer than the id `last`, else all that is kept, until the channel is closed."""
        at = self._number_of(last)
        self.listeners += 1
        try:
            if at is not None and at < self._lost:
                yield Told(at, self._id(at), "reread", "{}")
            at = at or 0
            while True:
                changed = self._changed
                for told in self._newer(at):
                    at = told.number
                    yield told
                if changed is self._changed:  # nothing came while the listener took what there was
                    if self._is_closed:
                        return
                    await changed.wait()
        finally:
            self.listeners -= 1

    def _newer(self, at: int) -> list[Told]:
        kept = (*self._events, *self._states.values())
        return sorted((told for told in kept if told.number > at), key=lambda told: told.number)

    def _told(self, kind: str, data: dict[str, Any]) -> Told:
        number = next(self._numbers)
        return Told(number, self._id(number), kind, json.dumps(data, separators=(",", ":")))

    def _id(self, number: int) -> str:
        return f"{self._name}-{number}"

    def _number_of(self, last: str | None) -> int | None:
        """Give the number of what a listener heard last; None where that was another channel's."""
        name, _, number = (last or "").partition("-")
        return int(number) if name == self._name and number.isdecimal() and number.isascii() else None

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
