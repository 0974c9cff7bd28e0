"""Hears from the system of changes in folders, and looks for itself now and then: it does not tell all."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import aclosing
from dataclasses import field
from pathlib import Path

from promptlab.core.frozen import slotted
from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.inotify import has_inotify, inotify_changes
from promptlab.live.watching.tree import Tree

DEBOUNCE_MS = 10
STEP_MS = 1
IDLE_STEP_MS = 10  # waking so often takes a tenth of the time, and a save is heard so much later
IDLE_SECONDS = 600.0
SWEEP_SECONDS = 1.0
POLL_SECONDS = 0.3
SHARE_OF_TIME = 50  # looking takes a fiftieth of the time at most

type Identity = tuple[int, int] | None


@slotted
class Folders:
    """Tells `events` which files of the tree may have changed.

    Each folder is heard by itself, those above it too: one that is replaced by another is heard anew.
    """

    tree: Tree
    events: FileEvents
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _wanted: frozenset[Path] = frozenset()
    _heard: dict[Path, Identity] = field(default_factory=dict)
    _again: asyncio.Event = field(default_factory=asyncio.Event)
    _is_deaf: bool = False
    _last: float = field(init=False)
    _step: int = STEP_MS

    def __post_init__(self) -> None:
        self._last = self.clock()

    @property
    def step(self) -> int:
        """How often, in milliseconds, to wake and listen: seldom once nothing has changed for long."""
        return STEP_MS if self.clock() - self._last < IDLE_SECONDS else IDLE_STEP_MS

    def hear(self, paths: Iterable[str]) -> None:
        """Take what the system says has changed."""
        self._last = self.clock()
        if self._is_replaced():
            self._again.set()
        else:
            self.events.add(self._relevant(paths))

    def listen_to(self, folders: Iterable[Path]) -> None:
        """Hear these folders from now on."""
        wanted = frozenset(folders)
        if wanted != self._wanted:
            self._wanted = wanted
            self._again.set()

    async def run(self) -> None:
        """Listen until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sweep())
            while not self._is_deaf:
                await self._listen()

    async def _sweep(self) -> None:
        """Say that anything may have changed, so often as it takes little of the time to look."""
        pause = SWEEP_SECONDS
        while True:
            await asyncio.sleep(POLL_SECONDS if self._is_deaf else pause)
            began = time.monotonic()
            self.events.add(await asyncio.to_thread(self.tree.doubtful))
            if self._is_replaced() or self._step != self.step:
                self._again.set()
            pause = max(SWEEP_SECONDS, SHARE_OF_TIME * (time.monotonic() - began))

    async def _listen(self) -> None:
        """Hear the folders as they are now, until other ones are wanted or one was replaced."""
        self._again.clear()
        self._step = self.step
        self._heard = {folder: _identity(folder) for folder in self._wanted}
        there = [folder for folder, identity in self._heard.items() if identity is not None]
        try:
            async with aclosing(_changes_in(there, self._again, self._step)) as changes:
                await self._hear_all(changes)
        except FileNotFoundError:  # a folder went while we turned to it
            await asyncio.sleep(POLL_SECONDS)
        except (OSError, RuntimeError) as error:
            self._lose(error)

    async def _hear_all(self, changes: AsyncGenerator[set[str]]) -> None:
        """Hear each change; what came before we were heard of may be anything."""
        coming = asyncio.ensure_future(anext(changes, None))
        try:
            await asyncio.sleep(0)
            self.events.add_all()
            while (found := await coming) is not None:
                self.hear(found)
                coming = asyncio.ensure_future(anext(changes, None))
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)

    def _is_replaced(self) -> bool:
        """Say whether a folder that is heard is not the one any more that goes by its name."""
        return any(_identity(folder) != identity for folder, identity in self._heard.items())

    def _relevant(self, paths: Iterable[str]) -> set[str]:
        below = {os.path.relpath(path, self.tree.root) for path in paths}
        folders = {f"{name.rpartition('/')[0]}/" for name in below}
        found = (below | folders) & self.tree.known.keys()
        return found | self.tree.links if found else found

    def _lose(self, error: Exception) -> None:
        self._is_deaf = True
        self.events.add_all()
        reason = str(error).partition("(")[0].strip() or type(error).__name__
        self.tell(
            f"the system tells of no changes here ({reason}); files are looked at every {POLL_SECONDS:g} s. "
            "On Linux, fs.inotify.max_user_watches and max_user_instances are the limits to raise"
        )


def _changes_in(folders: list[Path], stop: asyncio.Event, step: int) -> AsyncGenerator[set[str]]:
    if has_inotify():
        return inotify_changes(folders, stop)
    return _changes_by_thread(folders, stop, step)


async def _changes_by_thread(folders: list[Path], stop: asyncio.Event, step: int) -> AsyncGenerator[set[str]]:
    from watchfiles import awatch  # noqa: PLC0415 - of all commands only this one needs it

    found = awatch(
        *folders, watch_filter=None, debounce=DEBOUNCE_MS, step=step, stop_event=stop, recursive=False
    )
    async with aclosing(found):
        async for changes in found:
            yield {path for _, path in changes}


def _identity(folder: Path) -> Identity:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
