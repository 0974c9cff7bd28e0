"""What all runs on a log spend on a day: read for the engine, and held within a limit by the writer."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from promptlab.core.frozen import slotted
from promptlab.engine.day_limit import DaySpend
from promptlab.live.work import Intended, Settled
from promptlab.models import Attempt
from promptlab.services.store import Changes

_ATTEMPTS = Attempt.__table__
_DEAREST = func.coalesce(_ATTEMPTS.c.spent_usd, _ATTEMPTS.c.reserved_usd, 0.0)
_ROUNDING = 1e-9  # USD; what sums of floats may be off by


def midnight(now: datetime) -> datetime:
    """Give when the UTC day of `now` began."""
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def spend_of_day(connection: Connection, run_id: str, is_running: Callable[[str], bool]) -> DaySpend:
    """Read what was spent today; an attempt counts on the day on which it was sent."""
    is_open = (_ATTEMPTS.c.state == "intent").label("is_open")
    sent = select(_ATTEMPTS.c.run_id, is_open, _DEAREST.label("usd"))
    today = sent.where(_ATTEMPTS.c.sent_at >= midnight(datetime.now(UTC))).cte("today")
    today = today.prefix_with("MATERIALIZED")  # else all attempts are read, in order of their runs
    query = select(today.c.run_id, today.c.is_open, func.sum(today.c.usd)).group_by(
        today.c.run_id, today.c.is_open
    )
    found = [(run, bool(open_), float(usd)) for run, open_, usd in connection.execute(query)]
    return DaySpend(
        own=sum(usd for run, open_, usd in found if run == run_id and not open_),
        elsewhere=sum(usd for run, _, usd in found if run != run_id),
        held=any(open_ and is_running(run) for run, open_, _ in found if run != run_id),
    )


@slotted
class DayGuard:
    """Refuses attempts that would pass the limit; asked by the writer inside its transaction.

    As no other process writes meanwhile, the limit holds for all runs that have it. The day's sum is read
    again only where another connection wrote since, or a new day began.
    """

    limit: float
    changes: Changes
    _total: float = 0.0
    _day: datetime | None = None
    _first_id: int = 0

    def refuse(
        self, connection: Connection, intents: Sequence[Intended], settled: Sequence[Settled], now: datetime
    ) -> list[Intended]:
        """Give those of the intents for which the day has no room; the others take theirs.

        What costs nothing is never refused.
        """
        self._read(connection, now)
        self._total += sum(self._difference(work) for work in settled)
        refused = []
        for work in intents:
            wanted = work.intent.reserved_usd or 0.0
            if wanted and self._total + wanted > self.limit + _ROUNDING:
                refused.append(work)
            else:
                self._total += wanted
        return refused

    def _difference(self, work: Settled) -> float:
        """Give what an attempt of this day, now that it has ended, takes more than was set aside for it."""
        if work.attempt_id < self._first_id:
            return 0.0
        spent = (work.spent_usd or 0.0) if work.left else 0.0
        return spent - (work.intent.reserved_usd or 0.0)

    def _read(self, connection: Connection, now: datetime) -> None:
        if not self.changes.by_others(connection) and midnight(now) == self._day:
            return
        if self._day not in (None, midnight(now)):
            self._first_id = (connection.execute(select(func.max(_ATTEMPTS.c.id))).scalar() or 0) + 1
        self._day = midnight(now)
        query = select(func.coalesce(func.sum(_DEAREST), 0.0)).where(_ATTEMPTS.c.sent_at >= self._day)
        self._total = float(connection.execute(query).scalar_one())
