"""The time of a step: it stands still while all that the step has asked for waits in line."""

from asyncio import Timeout, get_running_loop, timeout
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from promptlab.core.frozen import replace
from promptlab.engine.call import Call


@dataclass(slots=True, eq=False)
class Stopwatch:
    """Counts the calls of a step and of the steps inside it. `around`: that of the step around it."""

    around: "Stopwatch | None" = None
    _limit: Timeout | None = None
    _left: float = 0.0
    _under_way: int = 0
    _in_line: int = 0

    @asynccontextmanager
    async def limit(self, seconds: float) -> AsyncIterator[Timeout]:
        """Cancel what is inside once so much time has passed on the stopwatch."""
        async with timeout(seconds) as limit:
            self._limit = limit
            try:
                yield limit
            finally:
                self._limit = None

    def timing(self, call: Call) -> "Timed":
        """Count a call as under way, inside a `with`."""
        return Timed(self, call)

    def count(self, *, under_way: int = 0, in_line: int = 0) -> None:
        """Note how many calls more there are of each kind."""
        self._under_way += under_way
        self._in_line += in_line
        if self._limit is not None and not self._limit.expired():
            self._set(self._limit, stands=0 < self._under_way == self._in_line)
        if self.around is not None:
            self.around.count(under_way=under_way, in_line=in_line)

    def _set(self, limit: Timeout, *, stands: bool) -> None:
        now, until = get_running_loop().time(), limit.when()
        if stands and until is not None:
            self._left = until - now
            limit.reschedule(None)
        elif not stands and until is None:
            limit.reschedule(now + self._left)


@dataclass(slots=True, eq=False)
class Timed:
    """A call that tells the stopwatch of its step when it waits; `sent`: its attempts that have left."""

    watch: Stopwatch
    plain: Call
    sent: int = 0
    _in_line: bool = False

    def __enter__(self) -> Self:
        self.watch.count(under_way=1)
        return self

    def __exit__(self, *_exc: object) -> None:
        self.leave_line()
        self.watch.count(under_way=-1)

    @property
    def call(self) -> Call:
        return replace(
            self.plain, on_line=self.join_line, on_leave=self.leave_line, on_sent=self._count_attempt
        )

    def join_line(self) -> None:
        if not self._in_line:
            self._in_line = True
            self.watch.count(in_line=1)

    def leave_line(self) -> None:
        if self._in_line:
            self._in_line = False
            self.watch.count(in_line=-1)

    def _count_attempt(self) -> None:
        self.sent += 1
