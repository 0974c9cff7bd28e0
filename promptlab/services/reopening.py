"""A run that goes on: taken over from the process that ended, and what it had used by then."""

import getpass
import os
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, case, func, select, update
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.engine.handlers.budget import Purse
from promptlab.engine.providers.web import WEB
from promptlab.models import Attempt, Completion, Run, Trial

_TRIALS, _ATTEMPTS, _ANSWERS = Trial.__table__, Attempt.__table__, Completion.__table__
_COST = func.coalesce(func.sum(_TRIALS.c.cost_usd), 0.0)
_COUNTED = ("passed", "failed", "errored", "skipped")


def this_process() -> dict[str, Any]:
    """Give the columns that say which process runs a run."""
    return {"host": socket.gethostname(), "user": this_user(), "pid": os.getpid()}


def this_user() -> str:
    """Give the name of who runs this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in containers
        return str(os.getuid())


@frozen
class ReopeningService:
    """Reads and writes one run whose lock is held by this process."""

    session: Session
    run_id: str

    def sign(self) -> None:
        """Say that this process has the run."""
        self._update(**this_process())

    def go_on(self) -> None:
        """Make it a running one again; trials that errored count again when they have ended again."""
        run = self.session.get_one(Run, self.run_id)
        counts, cost = _counted(self.session.connection(), self.run_id, without="errored")
        values: dict[str, object] = {
            "status": "running",
            "resumed_at": datetime.now(UTC),
            "seconds": self.seconds(run),
            "ended_at": None,
            "reason": None,
            "metrics": {},
            "gates": (),
            "left": 0,
            "cost_usd": cost,
            **counts,
        }
        self._update(**values)

    def used(self) -> Purse:
        """Give what counts for the limits of the run; where the outcome of a call is unknown, its worst."""
        run = self.session.get_one(Run, self.run_id)
        ours = select(_ATTEMPTS).where(_ATTEMPTS.c.run_id == self.run_id).subquery()
        worst = case((ours.c.state == "unknown", func.coalesce(ours.c.reserved_tokens, 0)), else_=0)
        answered = func.coalesce(_ANSWERS.c.input_tokens + _ANSWERS.c.output_tokens, 0)
        tokens, requests = self.session.execute(
            select(func.coalesce(func.sum(worst + answered), 0), func.count())
            .select_from(ours.outerjoin(_ANSWERS, _ANSWERS.c.id == ours.c.completion_id))
            .where(ours.c.provider != WEB.provider)
        ).one()
        return Purse(run.spent_usd or 0.0, tokens, requests)

    def seconds(self, run: Run | None = None) -> float:
        """Give how long its parts took; of one that was killed, until its last sign of life."""
        run = run or self.session.get_one(Run, self.run_id)
        before = run.seconds or 0.0
        if run.ended_at is not None:
            return before
        begun = run.resumed_at or run.started_at
        signs = [moment for moment in self._signs_of_life() if moment is not None]
        return before + max([0.0, *((moment - begun).total_seconds() for moment in signs)])

    def numbers(self) -> dict[str, int]:
        """Give how often each request left that has no answer of this run yet."""
        answered = select(_ATTEMPTS.c.fingerprint).where(
            _ATTEMPTS.c.run_id == self.run_id, _ATTEMPTS.c.completion_id.is_not(None)
        )
        query = (
            select(_ATTEMPTS.c.fingerprint, func.count())
            .where(_ATTEMPTS.c.run_id == self.run_id, _ATTEMPTS.c.fingerprint.not_in(answered))
            .group_by(_ATTEMPTS.c.fingerprint)
        )
        return {fingerprint: count for fingerprint, count in self.session.execute(query)}  # noqa: C416 (rows are no pairs)

    def _update(self, **values: object) -> None:
        self.session.execute(update(Run).where(Run.id == self.run_id).values(**values))

    def _signs_of_life(self) -> Iterator[datetime | None]:
        yield self.session.scalar(select(func.max(Trial.finished_at)).where(Trial.run_id == self.run_id))
        ended = select(func.max(Attempt.ended_at)).where(
            Attempt.run_id == self.run_id, Attempt.state.in_(("received", "failed"))
        )
        yield self.session.scalar(ended)


def recount(connection: Connection, run_id: str) -> None:
    """Count the trials of a run anew: those that errored before may have been replaced, or not."""
    counts, cost = _counted(connection, run_id)
    connection.execute(update(Run).where(Run.id == run_id).values(cost_usd=cost, **counts))


def _counted(
    connection: Connection, run_id: str, *, without: str = ""
) -> tuple[dict[str, int], float | None]:
    query = (
        select(_TRIALS.c.status, func.count(), func.count(_TRIALS.c.cost_usd), _COST)
        .where(_TRIALS.c.run_id == run_id, _TRIALS.c.status != without)
        .group_by(_TRIALS.c.status)
    )
    found = connection.execute(query).all()
    counts = Counter({status: count for status, count, _, _ in found})
    is_known = all(count == known for _, count, known, _ in found)
    cost = float(sum(usd for *_, usd in found)) if is_known else None
    return {name: counts[name] for name in _COUNTED}, cost
