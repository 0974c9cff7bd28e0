"""Loads what looks whole while it is still waited whether it is."""

import asyncio
from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.live.watching.loading import OF_ALL, Entry, Loading
from promptlab.live.watching.tree import Seen


@slotted
class Ahead:
    """Of one burst of changes, its first sight; nothing is taken over by itself."""

    loading: Loading
    _seen: dict[str, Seen] = field(default_factory=dict)
    _task: asyncio.Task[list[Entry]] | None = None

    def foresee(self, changed: Mapping[str, Seen]) -> None:
        """Begin to load, where files that are known have another content, and nothing else has changed."""
        is_edit = OF_ALL.isdisjoint(changed) and all(_is_file(name, changed[name]) for name in changed)
        if self._task is None and self.loading.error is None and is_edit:
            self._seen = dict(changed)
            self._task = asyncio.create_task(asyncio.to_thread(self.loading.foresee, frozenset(changed)))

    async def entries(self, changed: Mapping[str, Seen]) -> list[Entry] | None:
        """Give what was loaded, where it is of these files as they are. Nothing loads after that."""
        found = await self._task if self._task is not None else None
        if found is None or changed != self._seen:
            return None
        return found if all(_has_read(entry, changed) for entry in found) else None


def _has_read(entry: Entry, changed: Mapping[str, Seen]) -> bool:
    read = entry.read()
    return all(read.get(name, seen.digest) == seen.digest for name, seen in changed.items())


def _is_file(name: str, seen: Seen) -> bool:
    return seen.stamp is not None and not name.endswith("/")
