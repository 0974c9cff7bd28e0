"""The texts of a prompt that runs used, as the log keeps them."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from typing import Any

from sqlalchemy import Row, func, or_, select
from sqlalchemy.orm import Session

from promptlab.models import Run, RunFile, Snapshot
from promptlab.schemas.pages import PromptUse, PromptUsePage
from promptlab.services.cursors import cursor_of, key_of
from promptlab.services.runs import RunService

MOST_COMMITS = 20
_FILES: Any = RunFile.__table__
_RUNS: Any = Run.__table__
_LAST = func.max(_FILES.c.run_id)

type Found = Row[str, str, str, int]


class PromptUses:
    """`is_running` says whether the process of a run that has not ended is alive."""

    def __init__(self, session: Session, *, is_running: Callable[[str], bool]) -> None:
        self._session = session
        self._runs = RunService(session, is_running=is_running)

    def knows(self, path: str) -> bool:
        """Say whether any run used a prompt at this path."""
        query = select(_FILES.c.run_id).where(*_at(path)).limit(1)
        return self._session.scalar(query) is not None

    def page(self, path: str, *, cursor: str | None = None, limit: int = 50) -> PromptUsePage:
        """Give the texts after a cursor; raises UsageError where that is broken."""
        first, files = func.min(_FILES.c.run_id), _FILES.c
        query = select(files.digest, first, _LAST, func.count()).where(*_at(path)).group_by(files.digest)
        if cursor is not None:
            before, digest = key_of(cursor, str, str)
            query = query.having(or_(before > _LAST, (before == _LAST) & (files.digest > digest)))
        ordered = query.order_by(_LAST.desc(), files.digest).limit(limit + 1)
        found = self._session.execute(ordered).all()
        uses = self._uses(path, found[:limit])
        end = cursor_of(found[limit - 1][2], found[limit - 1][0]) if len(found) > limit else None
        return PromptUsePage(uses, end)

    def content(self, path: str, digest: str) -> bytes | None:
        """Give a text that runs used; None where none used it at this path."""
        joined = select(Snapshot.content).join(RunFile, RunFile.digest == Snapshot.digest)
        return self._session.scalar(joined.where(*_at(path), RunFile.digest == digest).limit(1))

    def _uses(self, path: str, found: Sequence[Found]) -> tuple[PromptUse, ...]:
        digests = [digest for digest, *_ in found]
        pipelines = self._grouped(path, digests, _RUNS.c.pipeline)
        commits = self._grouped(path, digests, _RUNS.c.git_commit)
        ids = {run_id for _, first, last, _ in found for run_id in (first, last)}
        runs = {run.id: run for run in self._runs.with_ids(ids)}
        return tuple(
            PromptUse(
                digest=digest,
                first=runs[first],
                last=runs[last],
                runs=count,
                pipelines=tuple(sorted(pipelines[digest])),
                commits=tuple(commits[digest][-MOST_COMMITS:]),
            )
            for digest, first, last, count in found
        )

    def _grouped(self, path: str, digests: Collection[str], column: Any) -> dict[str, list[str]]:
        """Give what there is in a column of the runs that used each text, by when it was used last."""
        joined = select(_FILES.c.digest, column).join_from(_FILES, _RUNS, _RUNS.c.id == _FILES.c.run_id)
        query = joined.where(*_at(path), _FILES.c.digest.in_(digests), column.is_not(None))
        values: dict[str, list[str]] = defaultdict(list)
        for digest, value in self._session.execute(query.group_by(_FILES.c.digest, column).order_by(_LAST)):
            values[digest].append(value)
        return values


def _at(path: str) -> tuple[Any, ...]:
    return _FILES.c.path == path, _FILES.c.kind.in_(("prompt", "include"))
