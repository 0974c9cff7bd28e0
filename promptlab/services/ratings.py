"""What people said of the answers of a run: written down, told, taken back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from promptlab.core.errors import Conflict, NotFound
from promptlab.core.frozen import frozen
from promptlab.models import Rating, Trial
from promptlab.schemas.log import RunRecord
from promptlab.schemas.ratings import Rating as Rated
from promptlab.schemas.ratings import RatingPage, Thumb
from promptlab.schemas.run import MISSING, _Missing
from promptlab.services.cursors import cursor_of, key_of
from promptlab.services.one_trial import OneTrialService
from promptlab.services.rated_answers import answers_of

_RATINGS, _T = Rating.__table__, Trial.__table__.c
_FIELDS = tuple(_RATINGS.c)


@frozen(kw_only=True)
class Said:
    """What somebody says now. MISSING: as this person said before of the same answer; None: nothing."""

    who: str
    thumb: Thumb | _Missing | None = MISSING
    note: str | _Missing | None = MISSING


class RatingService:
    """Ratings that were given in one run. They are kept as they were said; the newest of a person counts."""

    def __init__(self, session: Session, run: RunRecord) -> None:
        self._session = session
        self._run = run

    def rate(self, trial: str, said: Said) -> tuple[Rated, bool]:
        """Write down what somebody says, and give it; False: they had said the same, and nothing is written.

        Raises NotFound, and Conflict where the trial has no answer, or nothing would be said of it.
        """
        named = self._trial(trial)
        answer = answers_of(self._session, self._run.id, [named]).get(named)
        if answer is None:
            raise Conflict(f"trial {trial} has no answer to rate", hint="rate one that has an output")
        before = self._last(named, answer.digest, said.who)
        thumb, note = _or_before(said.thumb, before, "thumb"), _or_before(said.note, before, "note")
        if before is not None and (before.thumb, before.note) == (thumb, note):
            return before, False
        if thumb is None and note is None and before is None:
            raise Conflict("a rating is a thumb, a note, or both", hint='say "thumb": "up" or "down"')
        row, cell, repeat = named
        made = Rating(
            run_id=self._run.id,
            row=row,
            row_id=answer.row_id,
            cell=cell,
            repeat=repeat,
            digest=answer.digest,
            who=said.who,
            at=datetime.now(UTC),
            thumb=thumb,
            note=note,
        )
        self._session.add(made)
        self._session.flush()
        return self.one(made.id), True

    def one(self, number: int) -> Rated:
        """Give a rating of the run; raises NotFound."""
        found = self._session.execute(self._of_run().where(_RATINGS.c.id == number)).one_or_none()
        if found is None:
            raise NotFound(f"run {self._run.id} has no rating {number}", hint="it may have been taken back")
        return rating_of(found)

    def take_back(self, number: int) -> Rated:
        """Delete one, and give it; what the same person said before it counts again. Raises NotFound."""
        found = self.one(number)
        self._session.execute(delete(Rating).where(Rating.id == number))
        return found

    def page(self, *, trial: str | None = None, cursor: str | None = None, limit: int = 50) -> RatingPage:
        """Give what was said of the run, or of one of its trials, the newest first. Raises NotFound."""
        query = self._of_run()
        if trial is not None:
            row, cell, repeat = self._trial(trial)
            query = query.where(_RATINGS.c.row == row, _RATINGS.c.cell == cell, _RATINGS.c.repeat == repeat)
        if cursor is not None:
            query = query.where(_RATINGS.c.id < key_of(cursor, int)[0])
        found = self._session.execute(query.order_by(_RATINGS.c.id.desc()).limit(limit + 1)).all()
        following = cursor_of(found[limit - 1].id) if len(found) > limit else None
        return RatingPage(tuple(map(rating_of, found[:limit])), following)

    def all(self) -> Sequence[Rated]:
        """Give all that was said of the run, in the order in which it was."""
        return [rating_of(found) for found in self._session.execute(self._of_run().order_by(_RATINGS.c.id))]

    def _of_run(self) -> Select[Any]:
        return select(*_FIELDS).where(_RATINGS.c.run_id == self._run.id)

    def _trial(self, name: str) -> tuple[int, str, int]:
        found = OneTrialService(self._session, self._run).placed(name)
        return found.row, found.cell, found.repeat

    def _last(self, trial: tuple[int, str, int], digest: str, who: str) -> Rated | None:
        """Give what a person said last of this answer, in this run."""
        row, cell, repeat = trial
        c = _RATINGS.c
        query = self._of_run().where(c.row == row, c.cell == cell, c.repeat == repeat, c.who == who)
        found = self._session.execute(
            query.where(c.digest == digest).order_by(c.id.desc()).limit(1)
        ).one_or_none()
        return rating_of(found) if found is not None else None


def rating_of(found: Found[Any]) -> Rated:
    return Rated(**{column.name: getattr(found, column.name) for column in _FIELDS})


def _or_before(said: Any, before: Rated | None, name: str) -> Any:
    return getattr(before, name, None) if said is MISSING else said
