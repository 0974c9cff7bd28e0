"""The commits that changed a file, and the file as it was in one; read from the objects of git."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import datetime
from hashlib import sha256
from itertools import batched
from pathlib import Path
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.git import folder_in_repository
from promptlab.loader.files import LARGEST
from promptlab.loader.git_objects import GitObjects
from promptlab.loader.sources import FileError
from promptlab.services.cursors import cursor_of, key_of
from promptlab.services.git import asked_git, commit_named

_FIELDS = ("%H", "%an", "%aI", "%s", "")  # then what git tells of the file
_FORMAT = "%x00".join(("", *_FIELDS))
_OPTIONS = ("--raw", "--no-abbrev", "--no-renames", "-c", "--no-show-signature")
_PLAIN = ("-c", "log.follow=false", "--literal-pathspecs", "log", "--encoding=UTF-8", *_OPTIONS)

type Change = Literal["added", "changed", "deleted"]


@frozen(kw_only=True)
class CommitVersion:
    """A commit that changed a file. `digest`: the SHA-256 of the file in it, None where it is gone."""

    commit: str
    author: str
    date: datetime
    subject: str
    change: Change
    digest: str | None


@frozen
class HistoryPage:
    """Commits, the newest first; `next`: the cursor of the page after it, None for the last."""

    commits: tuple[CommitVersion, ...]
    next: str | None


class GitHistory:
    """The history of files of the project at `root`, up to HEAD; where there is no git, there is none."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def knows(self, path: str) -> bool:
        """Say whether a commit changed a file of this path."""
        return bool(self._told("HEAD", path, limit=1))

    def page(self, path: str, *, cursor: str | None = None, limit: int = 50) -> HistoryPage:
        """Give the commits after a cursor; raises UsageError where that is broken, or git cannot be asked."""
        head, skip = key_of(cursor, str, int) if cursor is not None else (self._head(), 0)
        if head is None:
            return HistoryPage((), None)
        found = self._told(_as_id(head), path, skip=max(0, skip), limit=limit + 1)
        after = cursor_of(head, skip + limit) if len(found) > limit else None
        return HistoryPage(self._versions(found[:limit]), after)

    def content(self, path: str, ref: str) -> bytes | None:
        """Give a file as it is in a commit, None where it is not; raises UsageError where there is no such.

        Raises FileError for what is too large to be a template, or is not in the clone.
        """
        place = f"{commit_named(self._root, ref)}:{folder_in_repository(self._root)}{path}"
        found = asked_git(self._root, "rev-parse", "--verify", "--quiet", place)
        with closing(GitObjects(self._root)) as objects:
            return _content(objects, found.stdout.strip()) if not found.returncode else None

    def _head(self) -> str | None:
        found = asked_git(self._root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
        return None if found.returncode else found.stdout.strip()

    def _told(self, head: str, path: str, *, limit: int, skip: int = 0) -> list[tuple[str, ...]]:
        bounds = (f"--skip={skip}", f"--max-count={limit}", f"--format={_FORMAT}")
        told = asked_git(self._root, *_PLAIN, *bounds, "--end-of-options", head, "--", path)
        return [] if told.returncode else list(batched(told.stdout.split("\0")[1:], len(_FIELDS)))

    def _versions(self, found: Sequence[tuple[str, ...]]) -> tuple[CommitVersion, ...]:
        with closing(GitObjects(self._root)) as objects:
            return tuple(_versions(objects, found))


def _versions(objects: GitObjects, found: Sequence[tuple[str, ...]]) -> Iterator[CommitVersion]:
    for commit, author, date, subject, told in found:
        *_, oid, status = told.partition("\t")[0].split() or ("", "M")
        change = _change(status)
        content = None if change == "deleted" else _content_or_none(objects, oid)
        yield CommitVersion(
            commit=commit,
            author=author,
            date=datetime.fromisoformat(date),
            subject=subject,
            change=change,
            digest=None if content is None else sha256(content).hexdigest(),
        )


def _change(status: str) -> Change:
    """Read a letter, or of a merge one for each parent."""
    if "D" in status:
        return "deleted"
    return "added" if {*status} == {"A"} else "changed"


def _content(objects: GitObjects, oid: str) -> bytes:
    stream, size = objects.look(oid)
    if size > LARGEST:
        raise FileError(f"it is larger than {LARGEST // 2**20} MB", code="too-large")
    return stream.read()


def _content_or_none(objects: GitObjects, oid: str) -> bytes | None:
    try:
        return _content(objects, oid) if oid else None
    except FileError:
        return None


def _as_id(head: str) -> str:
    return head if all(digit in "0123456789abcdef" for digit in head) else "HEAD"
