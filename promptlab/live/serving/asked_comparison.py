"""The comparison that an address names: two runs, two variants of one, or a commit and the working tree."""

from collections.abc import Callable
from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session

from promptlab.core.errors import NotFound, UsageError
from promptlab.core.frozen import frozen
from promptlab.live.paired.commit import CommitComparison
from promptlab.live.paired.stored import Kept, StoredComparison, TwoRuns
from promptlab.live.serving.depends import LogDep, OpenedDep, SessionDep
from promptlab.schemas.api.compare import PairQuery
from promptlab.schemas.log import RunRecord
from promptlab.services.runs import RunService

_LONGEST = 26


@frozen
class AskedComparisons:
    """Finds out what is compared. Raises NotFound, and UsageError as `promptlab compare` does."""

    session: Session
    runs: RunService
    root: str
    kept: Kept

    def one(self, a: str, query: PairQuery) -> StoredComparison | CommitComparison:
        if query.b is None and not self._is_run(a):
            return CommitComparison(self.root, a, query, self.kept)
        two = self._two(a, query)
        return StoredComparison(self.session, self.runs, two, self.kept)

    def _two(self, a: str, query: PairQuery) -> TwoRuns:
        if query.b is None and query.against is None:
            raise UsageError(
                "there is nothing to compare it with", hint="say `b`, or `variant` and `against`"
            )
        if query.pipeline is not None:
            raise UsageError("pipeline: it belongs to a comparison with a commit")
        first = self._run(a)
        second = first if query.b is None else self._run(query.b)
        if first.id == second.id and query.against is None:
            raise UsageError(f"A and B are the same run, {first.id}", hint="say `variant` and `against`")
        return TwoRuns(first, second, query.variant, query.against)

    def _run(self, reference: str) -> RunRecord:
        if not _may_be_run(reference):
            hint = "an id, a start of one, or `last` is wanted"
            raise NotFound(f"there is no run '{reference[:40]}'", hint=hint)
        return self.runs.find(reference)

    def _is_run(self, reference: str) -> bool:
        return _may_be_run(reference) and bool(reference == "last" or self.runs.named(reference))


def _may_be_run(reference: str) -> bool:
    return len(reference) <= _LONGEST and reference.isascii() and reference.isalnum()


def get_comparisons(session: SessionDep, log: LogDep, opened: OpenedDep) -> AskedComparisons:
    is_running: Callable[[str], bool] = log.is_running
    runs = RunService(session, is_running=is_running)
    return AskedComparisons(session, runs, str(opened.project.root), opened.comparisons)


type ComparisonsDep = Annotated[AskedComparisons, Depends(get_comparisons)]
