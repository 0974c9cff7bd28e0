"""A project's files: its root, the paths that it may name, and a record of what was read."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from promptlab.core.display import shown
from promptlab.core.frozen import frozen
from promptlab.loader.decoding import DecodingError, decode
from promptlab.loader.problems import Problems
from promptlab.loader.source_text import snippet_of
from promptlab.loader.sources import FileError, Folder, Source

__all__ = ["FileSnapshot", "FileStamp", "ProjectFiles", "find_root", "project_path"]

LARGEST = 10 * 2**20
LONGEST_PATH = 1024
SETTLED_NS = 2 * 10**9  # as coarse as times of files are anywhere
LONGEST_NAME = 255
ROOT_MARKS = ("promptlab.yaml", ".git")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
FROM_ROOT = "paths are relative to the project root"


@frozen
class FileSnapshot:
    """A file as it was read; `content` is None for data that was streamed."""

    path: str
    sha256: str
    size: int
    content: bytes | None


@frozen
class FileStamp:
    """What changes with a file's content, as far as its folder tells; times in nanoseconds."""

    inode: int
    size: int
    modified: int
    changed: int


class ProjectFiles:
    """Reads files that a project names, from inside its root only, and remembers each in `files_read`."""

    def __init__(self, source: Source | Path) -> None:
        self.source: Source = Folder(source) if isinstance(source, Path) else source
        self.files_read: dict[str, FileSnapshot] = {}

    def resolve(self, name: str, *, hidden: bool = False) -> str:
        """The path below the root that a name in a file means; raises FileError."""
        path = project_path(name, hidden=hidden)
        located = self.source.locate(path)
        if not hidden and _is_hidden(located):
            raise FileError(f"{shown(name)} leads to a hidden file")
        return located

    def read(self, name: str, *, hidden: bool = False) -> FileSnapshot:
        """A file's bytes, at most 10 MB, read once; raises FileError."""
        path = self.resolve(name, hidden=hidden)
        known = self.files_read.get(path)
        if known is None or known.content is None:
            content = self._content(path)
            known = FileSnapshot(path, hashlib.sha256(content).hexdigest(), len(content), content)
            self.files_read[path] = known
        return known

    def read_text(self, name: str, problems: Problems, *, hidden: bool = False) -> str | None:
        """A file's text; None, and a problem at its place in that file, where it is no UTF-8."""
        snapshot = self.read(name, hidden=hidden)
        try:
            return decode(snapshot.content or b"")
        except DecodingError as error:
            add_unreadable(problems, snapshot.path, error)
            return None

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """A data file's bytes as a stream of any length; raises FileError."""
        with self.source.open(self.resolve(name)) as stream:
            yield stream

    def stamp(self, name: str) -> FileStamp | None:
        """What a data file is known by without reading it; raises FileError.

        None where that cannot be told: it is no file on disk, or was written so lately that it may change
        and look the same.
        """
        with self.open(name) as stream:
            try:
                found = os.fstat(stream.fileno())
            except OSError:
                return None
        if found.st_mtime_ns > time.time_ns() - SETTLED_NS:
            return None
        return FileStamp(found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)

    def size(self, name: str) -> int:
        """How many bytes a data file has; raises FileError."""
        return self.source.size(self.resolve(name))

    def record(self, snapshot: FileSnapshot) -> None:
        """Remembers a file that was streamed."""
        self.files_read[snapshot.path] = snapshot

    def exists(self, name: str) -> bool:
        """Whether a name means something that is there and may be read."""
        try:
            return self.source.exists(project_path(name))
        except FileError:
            return False

    def list(self, folder: str = "") -> list[str]:
        """Names in a folder below the root; those of folders end in a slash."""
        return self.source.list(project_path(folder) if folder else "")

    def _content(self, path: str) -> bytes:
        if self.source.size(path) > LARGEST:
            raise _too_large(path)
        with self.source.open(path) as stream:
            content = _all_of(path, stream)
        if len(content) > LARGEST:
            raise _too_large(path)
        return content


def find_root(start: Path) -> Path:
    """The project root for a file or folder: the first folder upwards that is marked as one, else its own."""
    try:
        path = start.absolute()
    except FileNotFoundError:
        raise FileError("the current folder is gone", hint="change to another folder") from None
    own = path if os.path.isdir(path) else path.parent  # noqa: PTH112 - it raises nothing
    marked = (folder for folder in (own, *own.parents) if any(_there(folder / mark) for mark in ROOT_MARKS))
    return next(marked, own)


def project_path(name: str, *, hidden: bool = False) -> str:
    """A path as a file may name it, made canonical; raises FileError without touching the disk."""
    if not name.strip():
        raise FileError("the path is empty", hint="name a file")
    if UNPRINTABLE.search(name):
        raise FileError(f"the path {shown(name)} has characters that cannot be shown", hint="rename the file")
    _refuse_elsewhere(name)
    parts = _parts_below_root(name)
    if len(name.encode()) > LONGEST_PATH or any(len(part.encode()) > LONGEST_NAME for part in parts):
        raise FileError(f"the path {shown(name)} is too long", hint="use a shorter name")
    if not hidden and _is_hidden("/".join(parts)):
        raise FileError(
            f"{shown(name)} is a hidden file", hint="project files name no files that begin with a dot"
        )
    return "/".join(parts)


def add_unreadable(problems: Problems, file: str, error: DecodingError, line_offset: int = 0) -> None:
    """Adds what is wrong with a file's bytes, at its place."""
    position = type(error.position)(error.position.line + line_offset, error.position.column)
    snippet = snippet_of(error.line_text, position.column) if error.line_text else None
    problems.add(file, position, str(error), code=error.code, hint=error.hint, snippet=snippet)


def _refuse_elsewhere(name: str) -> None:
    if "://" in name or name.startswith(("file:", "data:")):
        raise FileError(f"{shown(name)} is an address, not a path", hint="copy the file into the project")
    if "\\" in name:
        raise FileError(f"the path {shown(name)} has backslashes", hint="write paths with forward slashes")
    if name.startswith(("/", "~")) or re.match(r"[A-Za-z]:", name):
        raise FileError(f"{shown(name)} leads outside the project", code="outside", hint=FROM_ROOT)


def _parts_below_root(name: str) -> list[str]:
    parts: list[str] = []
    for part in name.split("/"):
        if part == ".." and not parts:
            raise FileError(f"{shown(name)} leads outside the project", code="outside", hint=FROM_ROOT)
        if part == "..":
            parts.pop()
        elif part not in {"", "."}:
            parts.append(part)
    return parts


def _is_hidden(path: str) -> bool:
    return path.startswith(".") or "/." in path


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _all_of(path: str, stream: BinaryIO) -> bytes:
    try:
        return stream.read(LARGEST + 1)
    except OSError as error:
        raise FileError(f"{shown(path)} cannot be read: {os.strerror(error.errno or 0).lower()}") from None


def _too_large(path: str) -> FileError:
    message = f"{shown(path)} is larger than {LARGEST // 2**20} MB"
    return FileError(message, code="too-large", hint="split it, or move data into a CSV or JSONL file")
