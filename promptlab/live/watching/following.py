"""From the first sign of a change to pipelines that are loaded from files that are whole."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from promptlab.core.frozen import slotted
from promptlab.live.watching.ahead import Ahead
from promptlab.live.watching.events import FileEvents
from promptlab.live.watching.folders import Folders
from promptlab.live.watching.git_lock import GitLock, git_lock_path
from promptlab.live.watching.loading import Entry, Loading
from promptlab.live.watching.settling import Settling
from promptlab.live.watching.tree import Seen, Tree
from promptlab.live.watching.turn import FileChange
from promptlab.live.watching.writers import Writers

type Files = Mapping[str, FileChange]


@slotted
class Follower:
    """Follows the files of the pipelines. `on_settled` hears first which have another content, and are whole;
    `on_loaded` then, what that makes of the pipelines that it touches.
    """

    loading: Loading
    on_settled: Callable[[Files], None]
    on_loaded: Callable[[Files, Sequence[Entry]], None]
    tell: Callable[[str], None]
    tree: Tree = field(init=False)
    _events: FileEvents = field(init=False)
    _folders: Folders = field(init=False)
    _git: GitLock = field(init=False)
    _writers: Writers = field(init=False)
    _knowing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        root = Path(self.loading.project.root).resolve()
        self.tree = Tree(root)
        self._events = FileEvents(lambda: tuple(self.tree.known))
        self._folders = Folders(self.tree, self._events, self.tell)
        self._git = GitLock(git_lock_path(root), self.tell)
        self._writers = Writers(root, self.tell)

    async def begin(self) -> list[Entry]:
        """Load everything for the first time."""
        entries = await asyncio.to_thread(self.loading.load)
        await self.look_around(entries)
        return entries

    async def run(self) -> None:
        """Follow until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._folders.run())
            while True:
                await self._events.wait()
                await self._follow(Settling(self.tree, self._events, self._git, self._writers))

    async def look_around(self, entries: Sequence[Entry] = ()) -> None:
        """Know all files that the pipelines are made of by now; a run may name some that loading did not."""
        async with self._knowing:
            await self._know(entries)

    def has_moved(self, entry: Entry) -> bool:
        """Say whether files of a pipeline are not as they were when it was loaded."""
        return not entry.noted.names.isdisjoint(self.tree.moved())

    async def _follow(self, settling: Settling) -> None:
        ahead = Ahead(self.loading)
        changed = await settling.changes(ahead.foresee)
        if changed:
            self.on_settled(self._files(changed))
        foreseen = await ahead.entries(changed)
        if not changed:
            return
        touched = set(changed)
        loaded = await self._load(touched, foreseen)
        while settling.has_moved(changed) or self._is_unripe(settling, changed, loaded):
            touched |= self._strangers().keys()
            changed = await settling.changes()
            touched |= changed.keys()
            loaded |= await self._load(touched)
        files = self._files({**changed, **settling.fresh(self._strangers())})
        entries = self._still_there(loaded)
        async with self._knowing:
            self.tree.accept(changed)
            await self._know(entries)
        self.on_loaded(files, entries)

    async def _know(self, entries: Sequence[Entry]) -> None:
        read = {name: digest for entry in entries for name, digest in entry.read().items()}
        moved = await asyncio.to_thread(self.tree.follow, self.loading.names(), read)
        self._events.add(moved)
        self._folders.listen_to(self.tree.folders())

    async def _load(
        self, touched: Collection[str], foreseen: Sequence[Entry] | None = None
    ) -> dict[str, Entry]:
        if foreseen is not None:
            return {entry.path: entry for entry in self.loading.take(foreseen)}
        return {entry.path: entry for entry in await asyncio.to_thread(self.loading.load, frozenset(touched))}

    def _still_there(self, loaded: Mapping[str, Entry]) -> list[Entry]:
        """Give what was loaded last of each pipeline, but for those that went meanwhile."""
        return [entry for entry in self.loading if loaded.get(entry.path) is entry]

    def _strangers(self) -> dict[str, Seen]:
        return self.tree.strangers(self.loading.names())

    def _is_unripe(
        self, settling: Settling, changed: Mapping[str, Seen], loaded: Mapping[str, Entry]
    ) -> bool:
        """Say whether what does not load, or a file that is new, may still be under way."""
        is_broken = self.loading.error is not None or any(entry.error for entry in loaded.values())
        return settling.may_be_mended({**(changed if is_broken else {}), **self._strangers()})

    def _files(self, changed: Mapping[str, Seen]) -> Files:
        names = sorted(name for name in changed if not name.endswith("/"))
        return {name: self._change(name, changed[name]) for name in names}

    def _change(self, name: str, now: Seen) -> FileChange:
        if now.stamp is None:
            return "gone"
        before = self.tree.known.get(name)
        return "changed" if before is not None and before.stamp is not None else "new"
