"""When a save is whole. That a file loads proves nothing: a template that is cut off loads, too."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.git_lock import GitLock
from promptlab.live.watching.tree import NOT_THERE, SIZE, Seen, Stamp, Tree
from promptlab.live.watching.writers import Writers

QUIET = 0.005  # seconds without a change
YOUNG = 0.06  # seconds in which an editor may still be at it
YOUNG_UNSEEN = 0.25  # where the system does not tell whether a program has the file open
LONGEST = 0.25  # until a problem is shown
LATELY = 0.5  # seconds before the first event that a file of the same burst may be older
OPEN_POLL = 0.02
MUCH_SHORTER = 0.9
BLOCK = 512  # what is written in pieces ends at such a size meanwhile


@dataclass(slots=True)
class Settling:
    """One burst of changes, from its first event on. What looks half-written is given time to grow."""

    tree: Tree
    events: FileEvents
    git: GitLock
    writers: Writers
    began: float = field(default_factory=time.monotonic)
    _names: set[str] = field(default_factory=set)
    _since: dict[tuple[str, Stamp | None], float] = field(default_factory=dict)

    async def changes(self) -> dict[str, Seen]:
        """Give what has another content than before, by name, once nothing of it moves any more."""
        while True:
            await self.git.released()
            self._names |= self.events.taken()
            stamps = self.tree.stamps(self._names)
            await asyncio.sleep(QUIET)
            if self.events or self.git.is_held() or self.tree.stamps(self._names) != stamps:
                continue
            if self._is_open(stamps):
                await asyncio.sleep(OPEN_POLL)
                continue
            changed = await asyncio.to_thread(self.tree.changed, tuple(self._names))
            if self.has_moved(changed) or self._may_be_half(changed):
                continue
            return changed

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
        if self._is_open({name: seen.stamp for name, seen in changed.items()}):
            return True
        has_time = time.monotonic() - self.began < LONGEST
        return has_time and any(self._age(name, seen) < YOUNG for name, seen in changed.items())

    def _is_open(self, stamps: Mapping[str, Stamp | None]) -> bool:
        """Say whether a program has a file open for writing that is not as it is known."""
        known = self.tree.known
        return any(
            self.writers.is_at_it(name, self._age(name, Seen(stamp)))
            for name, stamp in stamps.items()
            if stamp is not None and stamp != known.get(name, NOT_THERE).stamp
        )

    def _may_be_half(self, changed: Mapping[str, Seen]) -> bool:
        known = self.tree.known
        return any(
            self._age(name, seen) < self._patience(name, known.get(name, NOT_THERE), seen)
            for name, seen in changed.items()
        )

    def _patience(self, name: str, before: Seen, now: Seen) -> float:
        """Give the seconds that a file is to have had no change for."""
        is_suspicious = _is_suspicious(before, now)
        is_file = now.stamp is not None and not name.endswith("/")
        if is_file and self.writers.is_at_it(name, 0) is None:
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
