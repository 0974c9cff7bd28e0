"""Files and folders that only their owner may read, and locks that end with their process."""

import os
from pathlib import Path

OWNER_FILE = 0o600
OWNER_FOLDER = 0o700
OWN_FOLDER = ".promptlab"


def private_folder(path: Path) -> Path:
    """Make `path` and its parents where they are missing, readable by the owner alone."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=OWNER_FOLDER, exist_ok=True)
    return path


def own_folder(path: Path) -> Path:
    """Make a project's folder for what is ours; it tells git to ignore it."""
    ignore = private_folder(path) / ".gitignore"
    if not ignore.exists():
        private_file(ignore).write_text("*\n", encoding="utf-8")
    return path


def private_file(path: Path) -> Path:
    """Make an empty file, readable by the owner alone, where there is none."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, OWNER_FILE))
    return path


class FileLock:
    """Held by one opener at a time; the system gives it back when its process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock if it is free; give whether it was."""
        from fcntl import LOCK_EX, LOCK_NB  # noqa: PLC0415 (not on every system)

        return self._acquire(LOCK_EX | LOCK_NB)

    def wait(self) -> None:
        """Take a lock that is nobody else's: whoever asks whether it is held holds it for an instant."""
        from fcntl import LOCK_EX  # noqa: PLC0415 (not on every system)

        self._acquire(LOCK_EX)

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def remove(self) -> None:
        """Give the lock back and take its file away; one that is not held is left alone."""
        if self._handle is not None:
            self.path.unlink(missing_ok=True)
            self.release()

    def _acquire(self, how: int) -> bool:
        from fcntl import flock  # noqa: PLC0415 (not on every system)

        handle = os.open(self.path, os.O_CREAT | os.O_RDWR, OWNER_FILE)
        try:
            flock(handle, how)
        except BlockingIOError:
            os.close(handle)
            return False
        if not self._is_of(handle):  # whoever held it took the file away in between
            os.close(handle)
            return self._acquire(how)
        self._handle = handle
        return True

    def _is_of(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), os.stat(self.path))  # noqa: PTH116 - the same call twice
        except FileNotFoundError:
            return False


def is_locked(path: Path) -> bool:
    """Say whether a living process holds the lock at `path`."""
    if not path.exists():
        return False
    lock = FileLock(path)
    free = lock.acquire()
    lock.release()
    return not free
