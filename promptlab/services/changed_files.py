"""What differs between the files that two runs were made from, as the log keeps them."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.models import RunFile, Snapshot
from promptlab.schemas.log import FileKind

_FILES: Any = RunFile.__table__

type Digests = dict[str, tuple[str, FileKind]]  # by path


@frozen(kw_only=True)
class ChangedFile:
    """A file that two runs had otherwise; None where one had none. Of a data file it is the manifest."""

    path: str
    kind: FileKind
    before: bytes | None
    after: bytes | None


class ChangedFiles:
    def __init__(self, session: Session) -> None:
        self._session = session

    def between(self, before: str, after: str, *, most: int) -> tuple[list[ChangedFile], int]:
        """Give the files that changed from one run to another, prompts first; and how many more there are."""
        old, new = self._digests(before), self._digests(after)
        changed = [path for path in sorted({**old, **new}) if _digest(old, path) != _digest(new, path)]
        changed.sort(key=lambda path: _order((new.get(path) or old[path])[1]))
        shown = changed[:most]
        wanted = {digest for path in shown for digest in (_digest(old, path), _digest(new, path)) if digest}
        contents = self._contents(wanted)
        found = [
            ChangedFile(
                path=path,
                kind=(new.get(path) or old[path])[1],
                before=contents.get(_digest(old, path) or ""),
                after=contents.get(_digest(new, path) or ""),
            )
            for path in shown
        ]
        return found, len(changed) - len(shown)

    def _digests(self, run_id: str) -> Digests:
        query = select(_FILES.c.path, _FILES.c.digest, _FILES.c.kind).where(_FILES.c.run_id == run_id)
        return {path: (digest, kind) for path, digest, kind in self._session.execute(query)}

    def _contents(self, digests: Iterable[str]) -> dict[str, bytes]:
        query = select(Snapshot.digest, Snapshot.content).where(Snapshot.digest.in_(list(digests)))
        return {digest: content for digest, content in self._session.execute(query)}  # noqa: C416 - a result has keys


def _digest(digests: Digests, path: str) -> str | None:
    found = digests.get(path)
    return None if found is None else found[0]


def _order(kind: FileKind) -> int:
    order: list[FileKind] = ["prompt", "include", "pipeline", "python", "schema"]
    return order.index(kind) if kind in order else len(order)
