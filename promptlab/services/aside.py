"""Calls that belong to no run on record: those of `check`, which keeps only what its judges said."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Select, exists, func, select, text
from sqlalchemy.orm import Session

from promptlab.models import Attempt, Completion, Run
from promptlab.models.completion import IS_UNKNOWN
from promptlab.schemas.log import AttemptRecord
from promptlab.services.runs import attempt_record, give_up_attempts

_RUN_ID = Run.__table__.c.id
_OF_NO_RUN = ~exists().where(Run.id == Attempt.run_id)
_UNANSWERED = ~exists().where(Completion.fingerprint == Attempt.fingerprint)


class AsideService:
    """Reads and writes attempts that belong to no run on record."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def give_up_dead(self, owners: Sequence[str], *, is_running: Callable[[str], bool]) -> list[str]:
        """Count what dead owners of locks had sent without an answer as of unknown outcome.

        Gives those of which that is on record already: their locks may go, as nothing else tells of them.
        Owners that are runs on record are left to `RunService.mark_interrupted`.
        """
        dead = [owner for owner in owners if not is_running(owner)]
        if not dead:
            return []
        runs = set(self._session.scalars(select(_RUN_ID).where(_RUN_ID.in_(dead))))
        return [owner for owner in dead if owner not in runs and not give_up_attempts(self._session, owner)]

    def doubtful_attempts(self) -> list[AttemptRecord]:
        """Give those that no answer is known to, of whoever left some last, unless another asked since."""
        owner = self._session.scalar(_doubtful(func.max(Attempt.run_id)))
        if owner is None or self._has_later(owner):
            return []
        found = self._session.scalars(_doubtful(Attempt).where(Attempt.run_id == owner).order_by(Attempt.id))
        return [attempt_record(attempt) for attempt in found]

    def _has_later(self, owner: str) -> bool:
        later = select(Attempt.id).where(Attempt.run_id > owner, _OF_NO_RUN).limit(1)
        return self._session.scalar(later) is not None


def _doubtful(what: Any) -> Select[Any]:
    return select(what).where(text(IS_UNKNOWN), _OF_NO_RUN, _UNANSWERED)
