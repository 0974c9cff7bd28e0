"""Writes an edited prompt over its file, whole or not at all, and only over what its editor has seen."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import unified_diff
from pathlib import Path

from promptlab.core.errors import CannotGoOn, Conflict
from promptlab.core.frozen import frozen
from promptlab.live.playground.prompt_text import PromptText
from promptlab.loader.decoding import BOM
from promptlab.services.git import difference_to_head

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
NEW = ".promptlab-new"


@frozen
class Saved:
    """What was written. `diff`: to the last commit, or where git does not have the file, to what it was."""

    path: str
    sha256: str
    diff: str
    is_of_git: bool


def save(root: Path, prompt: PromptText, text: str, *, expected: str) -> Saved:
    """Write it; raises Conflict where the file is not the `expected` one, by SHA-256, or not ours to write.

    Lines end as they did. Whoever calls it sees to it that no two do at once.
    """
    if prompt.save_objection is not None:
        raise Conflict(prompt.save_objection)
    with _folder_of(root, prompt.path) as folder:
        name = Path(prompt.path).name
        before = _content(folder, name, prompt.path)
        if hashlib.sha256(before).hexdigest() != expected:
            hint = "copy what you have, read the page again, and edit what is there now"
            raise Conflict(f"{prompt.path} has changed since it was read: nothing was written", hint=hint)
        after = _as_before(before, text)
        _replace(folder, name, after, prompt.path)
    told = difference_to_head(root, prompt.path)
    own = told if told is not None else _difference(prompt.path, before, after)
    return Saved(prompt.path, hashlib.sha256(after).hexdigest(), own, told is not None)


@contextmanager
def _folder_of(root: Path, path: str) -> Iterator[int]:
    """Open the folder of a file without following a link on the way."""
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in path.split("/")[:-1]:
            inner = os.open(part, FOLDER_FLAGS, dir_fd=handle)
            os.close(handle)
            handle = inner
        yield handle
    except OSError as error:
        raise CannotGoOn(f"{path} cannot be written: {(error.strerror or 'unknown').lower()}") from None
    finally:
        os.close(handle)


def _content(folder: int, name: str, path: str) -> bytes:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        raise Conflict(f"{path} is not there any more: nothing was written") from None
    with os.fdopen(handle, "rb") as file:
        return file.read()


def _as_before(before: bytes, text: str) -> bytes:
    """Give the bytes of a text, with the mark and the ends of lines that a file had."""
    written = text.replace("\r\n", "\n")
    if before.count(b"\r\n") and before.count(b"\r\n") == before.count(b"\n"):
        written = written.replace("\n", "\r\n")
    return (BOM if before.startswith(BOM) else b"") + written.encode()


def _replace(folder: int, name: str, content: bytes, path: str) -> None:
    new = f".{name}{NEW}"
    with suppress(FileNotFoundError):
        os.unlink(new, dir_fd=folder)  # of one that was killed
    mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode & 0o777
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode, dir_fd=folder)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(new, dir_fd=folder)
        raise CannotGoOn(f"{path} cannot be written: {(error.strerror or 'unknown').lower()}") from None


def _difference(path: str, before: bytes, after: bytes) -> str:
    old, new = (content.decode(errors="replace").splitlines(keepends=True) for content in (before, after))
    lines = unified_diff(old, new, path, path)
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)
