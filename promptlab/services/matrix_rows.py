"""Which rows of a run are wanted, in which order, a page at a time."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, case, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.models import Trial, Verdict
from promptlab.models.base import json_text
from promptlab.schemas.pages import Sort, TrialFilter
from promptlab.schemas.ratings import RatingMark
from promptlab.services.cursors import cursor_of, key_of
from promptlab.services.rated_answers import RatedAnswers

JUDGED = ("passed", "failed", "errored")
BROKEN = ("failed", "errored")
_TRIALS, _VERDICTS = Trial.__table__, Verdict.__table__
_C = _TRIALS.c
_UNKNOWN_LAST = {True: -1.0, False: 1e300}  # where the order is descending, and where it is not
_PASSES = case((_C.status == "passed", 1), else_=0)
_KEYS: dict[str, ColumnElement[Any]] = {
    "score": func.avg(_C.score),
    "cost": func.sum(_C.cost_usd),
    "latency": func.max(_C.latency_ms),
}

type RowKey = tuple[int, float | None]


class MatrixRows:
    """Rows of one run; `against`: an earlier one, which `flipped` means; `rated`: finds rated trials."""

    def __init__(self, session: Session, run_id: str, *, against: str | None, rated: RatedAnswers) -> None:
        self._session = session
        self._rated = rated
        self._run_id = run_id
        self._against = against

    def after(self, wanted: TrialFilter, sort: Sort, cursor: str | None, limit: int) -> list[RowKey]:
        """Give so many rows after a cursor, each with what it is ordered by. Texts are not looked at."""
        by, descending = sort.lstrip("-"), sort.startswith("-")
        query = select(_C.row).where(*self._conditions(wanted)).group_by(_C.row).limit(limit)
        if wanted.disagreeing:
            query = query.where(_C.row.in_(self._disagreeing()))
        if by == "row":
            ordered = _by_row(query, cursor, descending=descending)
            return [(row, None) for row in self._session.scalars(ordered)]
        key = func.coalesce(_KEYS[by], _UNKNOWN_LAST[descending])
        ordered = _by_key(query.add_columns(key), key, cursor, descending=descending)
        return [(row, float(value)) for row, value in self._session.execute(ordered)]

    def flipped(self) -> Select[Any]:
        """Select the trials of the run that pass and did not in the earlier one, or the reverse."""
        runs = (self._run_id, self._against or "")
        own = func.max(case((_C.run_id == self._run_id, _C.id)))
        query = select(own).where(_C.run_id.in_(runs), _C.status.in_(JUDGED))
        named = query.group_by(_C.row_id, _C.cell, _C.repeat)  # there is no index of these names to join by
        return named.having(func.min(_PASSES) < func.max(_PASSES))

    def _conditions(self, wanted: TrialFilter) -> Iterator[ColumnElement[bool]]:
        yield _C.run_id == self._run_id
        if wanted.statuses:
            yield _C.status.in_(wanted.statuses)
        if wanted.cells:
            yield or_(_C.cell.in_(wanted.cells), _C.variant.in_(wanted.cells))
        if wanted.tag is not None:
            yield type_coerce(_C.tags, Text).contains(json_text(wanted.tag), autoescape=True)
        if wanted.check is not None:
            yield _C.id.in_(_failing(self._run_id, wanted.check))
        if wanted.flipped:
            yield _C.id.in_(self.flipped())
        if wanted.ratings:
            yield self._is_rated(wanted.ratings)

    def _is_rated(self, marks: Sequence[RatingMark]) -> ColumnElement[bool]:
        found = self._rated.of().values()
        fitting = [one.trial.id for one in found if any(map(one.fits, marks))]
        if "unrated" in marks:
            return _C.id.not_in([one.trial.id for one in found if one.trial.id not in fitting])
        return _C.id.in_(fitting)

    def _disagreeing(self) -> Select[Any]:
        """Select the rows that pass in some cell and in another do not."""
        judged = select(_C.row).where(_C.run_id == self._run_id, _C.status.in_(JUDGED)).group_by(_C.row)
        return judged.having(func.min(_PASSES) < func.max(_PASSES), func.count(_C.cell_index.distinct()) > 1)

    def disagreeing(self) -> int:
        return self._session.scalar(select(func.count()).select_from(self._disagreeing().subquery())) or 0


def cursor_at(found: RowKey) -> str:
    """Give the cursor of what comes after a row."""
    row, key = found
    return cursor_of(row) if key is None else cursor_of(key, row)


def _by_row(query: Select[Any], cursor: str | None, *, descending: bool) -> Select[Any]:
    if cursor is not None:
        (row,) = key_of(cursor, int)
        query = query.where(_C.row < row if descending else _C.row > row)
    return query.order_by(_C.row.desc() if descending else _C.row)


def _by_key(
    query: Select[Any], key: ColumnElement[Any], cursor: str | None, *, descending: bool
) -> Select[Any]:
    if cursor is not None:
        value, row = key_of(cursor, float, int)
        beyond = key < value if descending else key > value
        query = query.having(or_(beyond, and_(key == value, _C.row > row)))
    return query.order_by(key.desc() if descending else key, _C.row)


def _failing(run_id: str, check: str) -> Select[Any]:
    """Select the trials of a run in which a check failed or errored."""
    joined = _TRIALS.join(_VERDICTS, _VERDICTS.c.trial_id == _C.id)
    query = select(_C.id).select_from(joined).where(_C.run_id == run_id)
    return query.where(_VERDICTS.c.name == check, _VERDICTS.c.status.in_(BROKEN))
