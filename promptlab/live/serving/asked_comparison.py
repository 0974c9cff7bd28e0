"""The comparison that an address names: two runs, two variants of one, or a commit and the working tree."""

from typing import Annotated

from fastapi import Depends
from sqlalchemy.orm import Session

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.live.paired.commit import CommitComparison
from promptlab.live.paired.stored import Kept, StoredComparison, TwoRuns
from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.depends import LogDep, OpenedDep, SessionDep
from promptlab.schemas.api.compare import PairQuery
from promptlab.services.runs import RunService


@frozen
class AskedComparisons:
    """Finds out what is compared. Raises NotFound, and UsageError as `promptlab compare` does."""

    session: Session
    asked: AskedRuns
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
        first = self.asked.run(a)
        second = first if query.b is None else self.asked.run(query.b)
        if first.id == second.id and query.against is None:
            raise UsageError(f"A and B are the same run, {first.id}", hint="say `variant` and `against`")
        return TwoRuns(first, second, query.variant, query.against)

    def _is_run(self, reference: str) -> bool:
        return reference == "last" or bool(self.runs.named(reference))


def get_comparisons(session: SessionDep, log: LogDep, opened: OpenedDep) -> AskedComparisons:
    asked = AskedRuns(session, is_running=log.is_running)
    runs = RunService(session, is_running=log.is_running)
    return AskedComparisons(session, asked, runs, str(opened.project.root), opened.comparisons)


type ComparisonsDep = Annotated[AskedComparisons, Depends(get_comparisons)]
