"""When a save is whole. That a file loads proves nothing: a template that is cut off loads, too."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.git_lock import GitLock
from promptlab.live.watching.tree import NOT_THERE, Seen, Stamp, Tree

QUIET = 0.005  # seconds without a change
YOUNG = 0.06  # seconds in which an editor may still be at it
LONGEST = 0.25
MUCH_SHORTER = 0.9


@dataclass(slots=True)
class Settling:
    """One burst of changes, from its first event on. What looks half-written is given some time to grow."""

    tree: Tree
    events: FileEvents
    git: GitLock
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
            changed = await asyncio.to_thread(self.tree.changed, tuple(self._names))
            if self.has_moved(changed) or self._may_be_half(changed):
                continue
            return changed

    def has_moved(self, changed: Mapping[str, Seen]) -> bool:
        """Say whether files are not as they were seen any more."""
        now = self.tree.stamps(changed)
        return any(now[name] != seen.stamp for name, seen in changed.items())

    def is_young(self, changed: Mapping[str, Seen]) -> bool:
        """Say whether what is wrong with files may be mended by the save that is still under way."""
        return self._has_time and any(self._age(name, seen) < YOUNG for name, seen in changed.items())

    @property
    def _has_time(self) -> bool:
        return time.monotonic() - self.began < LONGEST

    def _may_be_half(self, changed: Mapping[str, Seen]) -> bool:
        known = self.tree.known
        return self.is_young(
            {name: seen for name, seen in changed.items() if _is_suspicious(known.get(name, NOT_THERE), seen)}
        )

    def _age(self, name: str, seen: Seen) -> float:
        """Give the seconds since a change, by the clock that gives more: a file's may be ahead of ours."""
        now = time.monotonic()
        return max(seen.age, now - self._since.setdefault((name, seen.stamp), now))


def _is_suspicious(before: Seen, now: Seen) -> bool:
    if before.stamp is None or now.stamp is None or not now.size:
        return True
    return now.size < MUCH_SHORTER * before.size or (before.ends_line and not now.ends_line)
