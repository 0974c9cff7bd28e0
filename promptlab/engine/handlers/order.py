"""Order: the calls of trials that have begun go before the first call of a new one."""

import asyncio
from collections import defaultdict
from dataclasses import field

from promptlab.core.frozen import replace, slotted
from promptlab.engine.begun import Begun
from promptlab.engine.call import Call
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer


@slotted
class Line:
    """The calls of a model that wait until they may leave. New trials are at the `door`, one at a time."""

    waiting: int = 0
    door: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_empty: asyncio.Event = field(default_factory=asyncio.Event)

    async def join(self) -> None:
        """Wait until nobody waits any more, then be the one who does."""
        async with self.door:
            while self.waiting:
                self.is_empty.clear()
                await self.is_empty.wait()
            self.waiting += 1

    def leave(self) -> None:
        self.waiting -= 1
        if not self.waiting:
            self.is_empty.set()


@slotted
class Place:
    """The place of a call in a line, which it may leave and take again."""

    line: Line
    call: Call
    is_taken: bool = False

    async def take(self, *, at_door: bool) -> None:
        self.call.on_line()
        await self.call.get_ready()
        if at_door:
            await self.line.join()
        else:
            self.line.waiting += 1
        self.is_taken = True

    def take_again(self) -> None:
        if not self.is_taken:
            self.is_taken = True
            self.line.waiting += 1
            self.call.on_line()

    def leave(self) -> None:
        if self.is_taken:
            self.is_taken = False
            self.line.leave()
        self.call.on_leave()


@slotted
class Order:
    """Outside Budget and Throttle, so that a new trial neither reserves nor waits for what others need."""

    begun: Begun
    _lines: defaultdict[str, Line] = field(default_factory=lambda: defaultdict(Line))

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        place = Place(self._lines[call.model], call)
        try:
            await place.take(at_door=call.trial is not None and self.begun.is_silent(call.trial))
            if call.trial is not None and call.attempt == 1:
                self.begun.called(call.trial)
            return await forward(replace(call, on_line=place.take_again, on_leave=place.leave))
        finally:
            place.leave()
