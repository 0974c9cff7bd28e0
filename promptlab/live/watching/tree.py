"""What the files are that pipelines are made of: known by content, looked at again where their stat moved."""

import os
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from hashlib import sha256
from pathlib import Path

from promptlab.core.frozen import frozen, slotted

CHUNK = 1 << 20
RACY_NS = 50_000_000  # a change so soon after another may leave the stat as it was
FOLDER = "a folder"
UNREADABLE = "not to be read"

SIZE = 2  # where it stands in a stamp

type Stamp = tuple[int, ...]


@frozen
class Seen:
    """A file or folder at one moment; without `stamp` it is not there. A folder's digest is of its names.

    `ends_line`: a newline is the last thing in it. `is_racy`: its stat may not tell a change since.
    """

    stamp: Stamp | None = None
    digest: str | None = None
    size: int = 0
    ends_line: bool = False
    is_racy: bool = False

    @property
    def age(self) -> float:
        """Seconds since it was changed, by the clock of the file system."""
        return (time.time_ns() - _changed_at(self.stamp)) / 1e9 if self.stamp else 0.0


NOT_THERE = Seen()


@slotted
class Tree:
    """The files below `root` that matter, by name; names of folders end in a slash.

    `links`: those that change with another file, of which alone the system tells.
    """

    root: Path
    known: dict[str, Seen] = field(default_factory=dict)
    links: frozenset[str] = frozenset()

    @property
    def files(self) -> int:
        """How many files are followed, those that are missing among them."""
        return sum(not name.endswith("/") for name in self.known)

    def stamps(self, names: Iterable[str]) -> dict[str, Stamp | None]:
        return {name: _stamp(self._path(name)) for name in names}

    def changed(self, names: Iterable[str]) -> dict[str, Seen]:
        """Look at files again; give those of another content than is known."""
        changed = {}
        for name in names:
            before = self.known.get(name, NOT_THERE)
            now = self._look(name, before)
            if now.digest != before.digest:
                changed[name] = now
            elif name in self.known:
                self.known[name] = now
        return changed

    def moved(self) -> set[str]:
        """Give what has another stat than when it was looked at."""
        known = tuple(self.known.items())
        return {name for name, seen in known if _stamp(self._path(name)) != seen.stamp}

    def doubtful(self) -> set[str]:
        """Give what must be looked at to know what is in it."""
        return {name for name, seen in tuple(self.known.items()) if seen.is_racy} | self.moved()

    def strangers(self, names: Iterable[str]) -> dict[str, Seen]:
        """Look at those of the files that are not known yet, and are there."""
        stamps = self.stamps(name for name in names if name not in self.known)
        return {name: Seen(stamp) for name, stamp in stamps.items() if stamp is not None}

    def accept(self, changed: Mapping[str, Seen]) -> None:
        self.known.update(changed)

    def follow(self, names: Iterable[str], read: Mapping[str, str]) -> set[str]:
        """Know these files and no others; give those that are not, any more, what was `read` of them."""
        self.known = {name: self.known.get(name) or self._look(name, NOT_THERE) for name in names}
        self.links = frozenset(filter(self._is_link, self.known))
        moved = {name for name, digest in read.items() if self._is_other(name, digest)}
        for name in moved:
            self.known[name] = replace(self.known[name], stamp=(), digest=read[name])
        return moved

    def folders(self) -> set[Path]:
        """Give the folders, up to the root, in which something of it is or could be; some may be missing."""
        found = {self.root}
        for name in self.known:
            below = Path(name)
            found |= {self.root / folder for folder in (below, *below.parents)[not name.endswith("/") :]}
        return found

    def _is_link(self, name: str) -> bool:
        return os.path.islink(self._path(name))  # noqa: PTH114 - as below

    def _is_other(self, name: str, digest: str) -> bool:
        return name in self.known and self.known[name].digest != digest

    def _path(self, name: str) -> str:
        return os.path.join(self.root, name.strip("/"))  # noqa: PTH118 - a hundred times a save

    def _look(self, name: str, before: Seen) -> Seen:
        path = self._path(name)
        stamp = _stamp(path)
        if stamp is None:
            return NOT_THERE
        if stamp == before.stamp and not before.is_racy:
            return before
        is_racy = time.time_ns() - _changed_at(stamp) < RACY_NS
        if name.endswith("/"):
            return Seen(stamp, _listing(path), 1, is_racy=is_racy)
        digest, ends_line = _content(path)
        return Seen(stamp, digest, stamp[SIZE], ends_line, is_racy)


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a hundred times a save
    except (OSError, ValueError):
        return None
    return (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino)


def _changed_at(stamp: Stamp | None) -> int:
    return max(stamp[:2]) if stamp else 0


def _listing(path: str) -> str:
    try:
        with os.scandir(path) as entries:
            shown = (entry for entry in entries if not entry.name.startswith("."))
            names = sorted(f"{entry.name}{'/' if entry.is_dir() else ''}" for entry in shown)
    except OSError:
        return UNREADABLE
    return sha256("\0".join(names).encode("utf-8", "surrogateescape")).hexdigest()


def _content(path: str) -> tuple[str, bool]:
    """Give the hash of a file's bytes, and whether they end in a newline; it may be no file at all."""
    found, last = sha256(), b""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(handle, "rb") as stream:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                return FOLDER, False
            while chunk := stream.read(CHUNK):
                found.update(chunk)
                last = chunk[-1:]
    except OSError:
        return UNREADABLE, False
    return found.hexdigest(), last == b"\n"
