"""Names that may have changed, gathered until somebody has time for them."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import field

from promptlab.core.frozen import slotted


@slotted
class FileEvents:
    """True while there is something to look at. `everything` gives all names that there are."""

    everything: Callable[[], Iterable[str]]
    _names: set[str] = field(default_factory=set)
    _all: bool = False
    _some: asyncio.Event = field(default_factory=asyncio.Event)

    def __bool__(self) -> bool:
        return self._some.is_set()

    def add(self, names: Iterable[str]) -> None:
        known = frozenset(names)
        if known:
            self._names |= known
            self._some.set()

    def add_all(self) -> None:
        """Anything may have changed."""
        self._all = True
        self._some.set()

    def taken(self) -> set[str]:
        """Take what there is."""
        names = {*self._names, *(self.everything() if self._all else ())}
        self._names, self._all = set(), False
        self._some.clear()
        return names

    async def wait(self, *, at_most: float | None = None) -> None:
        """Wait until there is something to look at, or so many seconds."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most):
                await self._some.wait()
