"""Git at work: while it holds the lock of its index, the files of the tree are of two states."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import field
from pathlib import Path

from promptlab.core.frozen import slotted

POLL = 0.005
SAY_AFTER = 1.0
STALE = 30.0
LOCK = "index.lock"


@slotted
class GitLock:
    """`path` None: there is no repository. A lock 30 seconds old was left behind, and is passed by."""

    path: Path | None
    tell: Callable[[str], None]
    _told: set[str] = field(default_factory=set)

    def is_held(self) -> bool:
        if self.path is None:
            return False
        try:
            age = time.time() - self.path.stat().st_mtime
        except OSError:
            self._told.clear()
            return False
        if age > STALE:
            self._tell(f"{self.path} is {age:.0f} s old: git left it behind, and it is not waited for")
        return age <= STALE

    async def released(self) -> None:
        """Wait for git to come to its end."""
        began = time.monotonic()
        while self.is_held():
            if time.monotonic() - began > SAY_AFTER:
                self._tell(f"waiting for git: there is {self.path}")
            await asyncio.sleep(POLL)

    def _tell(self, text: str) -> None:
        if text[:8] not in self._told:
            self._told.add(text[:8])
            self.tell(text)


def git_lock_path(root: Path) -> Path | None:
    """Give where the lock of the repository that `root` is in would be; None where it is in none."""
    for folder in (root, *root.parents):
        found = folder / ".git"
        if found.is_dir():
            return found / LOCK
        if found.is_file():
            return _linked(found)
    return None


def _linked(file: Path) -> Path | None:
    """Follow the file that a worktree or submodule has in place of a folder."""
    try:
        word, _, path = file.read_text(encoding="utf-8").strip().partition(": ")
    except (OSError, UnicodeDecodeError):
        return None
    return file.parent / path / LOCK if word == "gitdir" else None
