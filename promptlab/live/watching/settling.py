"""When a save is whole. That a file loads proves nothing: a template that is cut off loads, too."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import field
from math import inf

from promptlab.core.frozen import slotted
from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.git_lock import GitLock
from promptlab.live.watching.tree import NOT_THERE, SIZE, Seen, Stamp, Tree
from promptlab.live.watching.writers import Writers

QUIET = 0.005  # seconds without a change
BRIEF = 0.002  # where the system says that no program has the file open
YOUNG = 0.06  # seconds in which an editor may still be at it
YOUNG_UNSEEN = 0.25  # where the system does not tell whether a program has the file open
LONGEST = 0.25  # until a problem is shown
LATELY = 0.5  # seconds before the first event that a file of the same burst may be older
OPEN_POLL = 0.02
FEW, SMALL = 10, 100_000  # files, bytes: read sooner than a thread is asked
MUCH_SHORTER = 0.9
BLOCK = 512  # what is written in pieces ends at such a size meanwhile

type Foresee = Callable[[Mapping[str, Seen]], None]


@slotted
class Settling:
    """One burst of changes, from its first event on. What looks half-written is given time to grow."""

    tree: Tree
    events: FileEvents
    git: GitLock
    writers: Writers
    began: float = field(default_factory=time.monotonic)
    _names: set[str] = field(default_factory=set)
    _since: dict[tuple[str, Stamp | None], float] = field(default_factory=dict)

    async def changes(self, foresee: Foresee = lambda _: None) -> dict[str, Seen]:
        """Give what has another content than before, by name, once nothing of it moves any more.

        `foresee` hears of what looks whole, before it is known whether it is.
        """
        while True:
            await self.git.released()
            self._names |= self.events.taken()
            self._look_ahead(foresee)
            if not await self._is_at_rest():
                continue
            changed = await self._changed()
            if self.has_moved(changed) or self._may_be_half(changed):
                continue
            return changed

    def _look_ahead(self, foresee: Foresee) -> None:
        if self._are_read_soon():
            changed = self.tree.changed(self._names)
            if changed and not self._may_be_half(changed):
                foresee(changed)

    async def _changed(self) -> dict[str, Seen]:
        """Look at the files; those that take a moment to read are read beside the loop."""
        if self._are_read_soon():
            return self.tree.changed(self._names)
        return await asyncio.to_thread(self.tree.changed, tuple(self._names))

    def _are_read_soon(self) -> bool:
        if len(self._names) > FEW:
            return False
        stamps = self.tree.stamps(self._names).values()
        return sum(stamp[SIZE] for stamp in stamps if stamp is not None) <= SMALL

    async def _is_at_rest(self) -> bool:
        """Wait for a moment; say whether nothing moved. Files that are closed for sure need a shorter one."""
        stamps = self.tree.stamps(self._names)
        await self._pause(BRIEF)
        if self._has_stirred(stamps):
            return False
        answers = self._are_open(stamps)
        if True in answers:
            await self._pause(OPEN_POLL)
            return False
        if None not in answers:
            return True
        await self._pause(QUIET - BRIEF)
        return not self._has_stirred(stamps)

    async def _pause(self, seconds: float) -> None:
        """Wait, at first no longer than until more is heard of; what goes on and on is looked at in steps."""
        if time.monotonic() - self.began < YOUNG:
            await self.events.wait(at_most=seconds)
        else:
            await asyncio.sleep(seconds)

    def _has_stirred(self, stamps: Mapping[str, Stamp | None]) -> bool:
        return bool(self.events) or self.git.is_held() or self.tree.stamps(stamps) != stamps

    def has_moved(self, changed: Mapping[str, Seen]) -> bool:
        """Say whether files are not as they were seen any more."""
        now = self.tree.stamps(changed)
        return any(now[name] != seen.stamp for name, seen in changed.items())

    def fresh(self, strangers: Mapping[str, Seen]) -> dict[str, Seen]:
        """Give those of the files that came with this burst of changes; the others were there before."""
        lately = time.monotonic() - self.began + LATELY
        return {name: seen for name, seen in strangers.items() if seen.age < lately}

    def may_be_mended(self, changed: Mapping[str, Seen]) -> bool:
        """Say whether what is wrong with files may be mended by the save that is still under way."""
        if True in self._are_open({name: seen.stamp for name, seen in changed.items()}):
            return True
        has_time = time.monotonic() - self.began < LONGEST
        return has_time and any(self._age(name, seen) < YOUNG for name, seen in changed.items())

    def _are_open(self, stamps: Mapping[str, Stamp | None]) -> set[bool | None]:
        """Say of what is not as it is known whether programs have it open for writing."""
        known = self.tree.known
        moved = [name for name in stamps if stamps[name] != known.get(name, NOT_THERE).stamp]
        return {self._is_open(name, stamps[name]) for name in moved}

    def _is_open(self, name: str, stamp: Stamp | None) -> bool | None:
        if stamp is None or name.endswith("/"):
            return None
        return self.writers.is_at_it(name, self._age(name, Seen(stamp)))

    def _may_be_half(self, changed: Mapping[str, Seen]) -> bool:
        known = self.tree.known
        return any(
            self._age(name, seen) < self._patience(name, known.get(name, NOT_THERE), seen)
            for name, seen in changed.items()
        )

    def _patience(self, name: str, before: Seen, now: Seen) -> float:
        """Give the seconds that a file is to have had no change for."""
        is_suspicious, is_open = _is_suspicious(before, now), self._is_open(name, now.stamp)
        if is_open:
            return inf
        if is_open is None and now.stamp is not None and not name.endswith("/"):
            in_pieces = self._has_grown(name) or now.size % BLOCK == 0
            return YOUNG_UNSEEN if is_suspicious or in_pieces else 0.0
        return YOUNG if is_suspicious else 0.0

    def _has_grown(self, name: str) -> bool:
        """Say whether a file lay still at several sizes already."""
        sizes = {stamp[SIZE] for of, stamp in self._since if of == name and stamp is not None}
        return len(sizes) > 1

    def _age(self, name: str, seen: Seen) -> float:
        """Give the seconds since a change, by the clock that gives more: a file's may be ahead of ours."""
        now = time.monotonic()
        return max(seen.age, now - self._since.setdefault((name, seen.stamp), now))


def _is_suspicious(before: Seen, now: Seen) -> bool:
    if before.stamp is None or now.stamp is None or not now.size:
        return True
    return now.size < MUCH_SHORTER * before.size or (before.ends_line and not now.ends_line)
