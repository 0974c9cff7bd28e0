"""Where bytes come from: a folder on disk, or memory."""

import errno
import io
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

from promptlab.core.display import shown
from promptlab.core.errors import PromptlabError
from promptlab.loader.problems import Hint, did_you_mean

__all__ = ["FileError", "Folder", "Memory", "Source"]

MANY = 2000
OPEN_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOFOLLOW", "O_BINARY"))


class FileError(PromptlabError):
    """A file that is named but cannot be used; belongs to the place that names it."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, code: str = "file", hint: Hint = None) -> None:
        super().__init__(message, hint=hint() if callable(hint) else hint)
        self.code = code


class Source(Protocol):
    """A tree of files; paths are relative, with forward slashes, already free of `..`."""

    def locate(self, path: str) -> str:
        """The path with links followed; raises FileError where it is missing, outside or no regular file."""

    def open(self, path: str) -> BinaryIO:
        """The bytes of a located path, as a stream."""

    def size(self, path: str) -> int:
        """Bytes of a located path, as far as known beforehand."""

    def exists(self, path: str) -> bool:
        """Whether there is something of this name."""

    def list(self, folder: str) -> list[str]:
        """Names in a folder, sorted, those of folders ending in a slash, hidden ones left out."""


class Folder:
    """A folder on disk; nothing outside it is read, links included."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))
        self._below = os.path.join(self.root, "")  # noqa: PTH118 - with the separator at its end

    def locate(self, path: str) -> str:
        real = self._real(path)
        if not f"{real}{os.sep}".startswith(self._below):
            raise _outside(path)
        self._require_regular(path, real)
        return real.removeprefix(self._below).replace(os.sep, "/")

    def open(self, path: str) -> BinaryIO:
        try:
            descriptor = os.open(f"{self._below}{path}", OPEN_FLAGS)
        except OSError as error:
            raise self._unusable(path, error) from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise FileError(f"{shown(path)} is not a regular file")
        return os.fdopen(descriptor, "rb")

    def size(self, path: str) -> int:
        try:
            return (self.root / path).stat().st_size
        except OSError as error:
            raise self._unusable(path, error) from None

    def exists(self, path: str) -> bool:
        try:
            return self._is_inside(path) and (self.root / path).exists()
        except (OSError, ValueError):
            return False

    def list(self, folder: str) -> list[str]:
        if not self._is_inside(folder):
            return []
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(_listed(entry) for entry in entries if not entry.name.startswith("."))
        except OSError:
            return []

    def _is_inside(self, path: str) -> bool:
        """Whether a path, there or not, stays below the root once its links are followed."""
        return Path(os.path.realpath(self.root / path)).is_relative_to(self.root)

    def _real(self, path: str) -> str:
        try:
            return os.path.realpath(f"{self._below}{path}", strict=True)
        except OSError as error:
            raise self._unusable(path, error) if self._is_inside(path) else _outside(path) from None

    def _require_regular(self, path: str, real: str) -> None:
        try:
            mode = os.stat(real).st_mode  # noqa: PTH116 - ten times as quick, for each file named
        except OSError as error:
            raise self._unusable(path, error) from None
        if stat.S_ISDIR(mode):
            raise FileError(f"{shown(path)} is a folder, not a file", hint="name a file in it")
        if not stat.S_ISREG(mode):
            raise FileError(f"{shown(path)} is not a regular file")

    def _unusable(self, path: str, error: OSError) -> FileError:
        if error.errno in {errno.ENOENT, errno.ENOTDIR}:
            return FileError(f"there is no file {shown(path)}", code="no-file", hint=self._names(path))
        if error.errno == errno.ELOOP:
            return FileError(f"{shown(path)} is a link that leads to itself")
        reason = error.strerror or type(error).__name__
        return FileError(f"{shown(path)} cannot be read: {reason.lower()}")

    def _names(self, path: str) -> Hint:
        folder, _, name = path.rpartition("/")
        prefix = f"{folder}/" if folder else ""
        return did_you_mean(prefix + name, [prefix + there for there in self.list(folder)[:MANY]])


class Memory:
    """Files held in memory, by path."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = dict(files)

    def locate(self, path: str) -> str:
        if path not in self._files:
            message = f"there is no file {shown(path)}"
            raise FileError(message, code="no-file", hint=did_you_mean(path, self._files))
        return path

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self._files[self.locate(path)])

    def size(self, path: str) -> int:
        return len(self._files[self.locate(path)])

    def exists(self, path: str) -> bool:
        return path in self._files

    def list(self, folder: str) -> list[str]:
        prefix = f"{folder}/" if folder else ""
        below = (path.removeprefix(prefix) for path in self._files if path.startswith(prefix))
        return sorted({name + slash for name, slash, _ in (rest.partition("/") for rest in below)})


def _outside(path: str) -> FileError:
    return FileError(f"{shown(path)} leads outside the project", hint="copy the file into the project")


def _listed(entry: os.DirEntry[str]) -> str:
    try:
        return f"{entry.name}/" if entry.is_dir() else entry.name
    except OSError:
        return entry.name
