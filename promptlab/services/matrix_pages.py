"""Pages of a run's matrix: rows × cells, so many rows at a time."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from time import monotonic
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from promptlab.models import Trial, Verdict
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import MatrixCounts, MatrixPage, Sort, TrialFilter
from promptlab.services.matrix_cells import MatrixCells
from promptlab.services.matrix_rows import BROKEN, MatrixRows, RowKey, cursor_at
from promptlab.services.matrix_texts import TextSearch
from promptlab.services.rated_answers import RatedAnswers

SEARCHED_AT_ONCE = 100
_LOOKED_AT = 200
_TRIALS, _VERDICTS = Trial.__table__, Verdict.__table__
_COUNTED = ("passed", "failed", "errored", "skipped", "left")


class MatrixPages:
    """Pages of one run; `against`: the earlier run that it is held against, if any."""

    def __init__(
        self,
        session: Session,
        run: RunRecord,
        *,
        against: str | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._session = session
        self._clock = clock
        self._run = run
        self._against = against
        self._rated = RatedAnswers(session, run)
        self._rows = MatrixRows(session, run.id, against=against, rated=self._rated)
        self._cells = MatrixCells(session, run.id, rated=self._rated)

    def page(
        self, wanted: TrialFilter, *, sort: Sort = "row", cursor: str | None = None, limit: int = 50
    ) -> MatrixPage:
        """Give the rows after a cursor; raises UsageError for a broken one, and for a bad regex."""
        if wanted.flipped and self._against is None:
            return MatrixPage(rows=(), next=None)
        if wanted.reads_texts:
            return self._searched(wanted, sort, cursor, limit)
        found = self._rows.after(wanted, sort, cursor, limit + 1)
        return self._page(wanted, found[:limit], more=len(found) > limit)

    @property
    def repeats(self) -> int:
        """About how often each row is repeated in a cell: the first rows tell it."""
        first = select(_TRIALS.c.repeat).where(_TRIALS.c.run_id == self._run.id).limit(_LOOKED_AT).subquery()
        return 1 + (self._session.scalar(select(func.max(first.c.repeat))) or 0)

    def counts(self) -> MatrixCounts:
        """Count what each filter finds; reads all trials of the run, without their texts."""
        flipped = select(func.count()).select_from(self._rows.flipped().subquery())
        return MatrixCounts(
            statuses=self.statuses(),
            flipped=self._session.scalar(flipped) if self._against is not None else None,
            disagreeing=self._rows.disagreeing(),
            checks=self._checks(),
            tags=self._tags(),
            ratings=self._rated.counts(),
        )

    def statuses(self) -> Mapping[str, int]:
        """Count the trials by how they ended, as the run itself counts them."""
        return {name: count for name in _COUNTED if (count := getattr(self._run, name))}

    def _searched(self, wanted: TrialFilter, sort: Sort, cursor: str | None, limit: int) -> MatrixPage:
        search = TextSearch(self._session, self._run.id, wanted, self._clock)
        kept: list[RowKey] = []
        searched, last = 0, None
        for batch, found in self._batches(wanted, sort, cursor, search):
            for one in batch:
                searched, last = searched + 1, one
                kept += [one] if one[0] in found else []
                if len(kept) == limit:
                    return self._page(wanted, kept, more=True, last=last, searched=searched, slow=search.slow)
            if search.is_over and len(batch) == SEARCHED_AT_ONCE:
                return self._page(wanted, kept, more=True, last=last, searched=searched, slow=search.slow)
        return self._page(wanted, kept, more=False, searched=searched, slow=search.slow)

    def _batches(
        self, wanted: TrialFilter, sort: Sort, cursor: str | None, search: TextSearch
    ) -> Iterator[tuple[list[RowKey], set[int]]]:
        while batch := self._rows.after(wanted, sort, cursor, SEARCHED_AT_ONCE):
            yield batch, search.among([row for row, _ in batch])
            cursor = cursor_at(batch[-1])

    def _page(
        self,
        wanted: TrialFilter,
        found: list[RowKey],
        *,
        more: bool,
        last: RowKey | None = None,
        searched: int | None = None,
        slow: int = 0,
    ) -> MatrixPage:
        numbers = [row for row, _ in found]
        end = last or (found[-1] if found else None)
        return MatrixPage(
            rows=tuple(self._cells.rows(numbers, cells=wanted.cells, against=self._against)),
            next=cursor_at(end) if more and end is not None else None,
            searched=searched,
            slow=slow,
            against=self._against,
        )

    def _checks(self) -> dict[str, int]:
        joined = _TRIALS.join(_VERDICTS, _VERDICTS.c.trial_id == _TRIALS.c.id)
        name = _VERDICTS.c.name
        query = select(name, func.count(_TRIALS.c.id.distinct())).select_from(joined)
        query = query.where(_TRIALS.c.run_id == self._run.id, _VERDICTS.c.status.in_(BROKEN))
        return {found[0]: found[1] for found in self._session.execute(query.group_by(name).order_by(name))}

    def _tags(self) -> dict[str, int]:
        tags: Any = _TRIALS.c.tags
        query = select(tags, func.count()).where(_TRIALS.c.run_id == self._run.id).group_by(tags)
        counts = Counter[str]()
        for names, count in self._session.execute(query):
            counts.update(dict.fromkeys(map(str, names), count))
        return dict(sorted(counts.items()))
