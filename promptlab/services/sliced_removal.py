"""Takes runs out of the log a slice at a time: who else writes waits for one slice, not for all."""

from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.models import Attempt, Completion, Row, Run, RunFile, Snapshot, Trial
from promptlab.schemas.log import Removal
from promptlab.services.removal import RemovalService
from promptlab.services.run_log import RunLog
from promptlab.services.runs import give_up_attempts

SECONDS_A_SLICE = 0.05  # that a slice is made to take: the slowest take twice that
REST = 0.5  # of the time of a slice: who waits for it looks only now and then
FIRST, FEWEST, MOST = 200, 20, 5_000
UNDER_WAY = "it is being deleted; if that was cut off, `promptlab runs delete` ends it"

type Take = Callable[[Session, int], int]


@frozen(kw_only=True)
class SlicedRemoval:
    """Removes runs. One that is cut off leaves runs that are interrupted and say so: delete them again.

    `seconds`: how long others may be kept waiting, about; `first`: of how many trials the first slice is.
    """

    log: RunLog
    seconds: float = SECONDS_A_SLICE
    first: int = FIRST

    def remove(self, run_ids: Sequence[str], *, answers: bool = False) -> Removal:
        """Take the runs away, and with `answers` what no run left needs; raises UsageError for a live run."""
        with self.log.reading() as session:
            service = self._service(session)
            removal = service.preview(run_ids, answers=answers)
            unneeded = service.unneeded(run_ids) if answers else []
        self._begin(run_ids, answers=answers)
        for run_id in run_ids:
            self._take_run(run_id)
        self._take_ids(unneeded, lambda session, ids: _delete(session, Completion, ids))
        if answers:
            self._in_slices(_take_attempts)
        self._take_rows()
        with self.log.writing() as session:
            session.execute(delete(Snapshot).where(~exists().where(RunFile.digest == Snapshot.digest)))
        return removal

    def _service(self, session: Session) -> RemovalService:
        return RemovalService(session, is_running=self.log.is_running)

    def _begin(self, run_ids: Sequence[str], *, answers: bool) -> None:
        """Note that they go, once it is certain that none of them lives."""
        with self.log.writing() as session:
            self._service(session).refuse_live(run_ids, answers=answers)
            for run_id in run_ids:
                give_up_attempts(session, run_id)
                going = update(Run).where(Run.id == run_id)
                session.execute(going.values(status="interrupted", reason=UNDER_WAY))

    def _take_run(self, run_id: str) -> None:
        """Take it while its lock is held, so that nobody resumes it."""
        lock = self.log.lock_of(run_id)
        if not lock.acquire():
            raise UsageError(f"run {run_id} is still running", hint="wait for its end, or stop it")
        try:
            self._take_trials(run_id)
        finally:
            lock.remove()

    def _take_trials(self, run_id: str) -> None:
        trials = select(Trial.id).where(Trial.run_id == run_id)

        def take(session: Session, size: int) -> int:
            ids = list(session.scalars(trials.limit(size)))
            _delete(session, Trial, ids)
            if len(ids) < size:
                session.execute(delete(Run).where(Run.id == run_id))
            return len(ids)

        self._in_slices(take)

    def _take_rows(self) -> None:
        """Take the contents of rows that no trial has; what is used meanwhile stays."""
        with self.log.reading() as session:
            unused = select(Row.digest).where(Row.digest.not_in(select(Trial.row_digest)))
            digests = list(session.scalars(unused))
            newest = session.scalar(select(func.max(Trial.id))) or 0

        def take(session: Session, some: Sequence[str]) -> None:
            used = exists().where(Trial.id > newest, Trial.row_digest == Row.digest)
            session.execute(delete(Row).where(Row.digest.in_(some), ~used))

        self._take_ids(digests, take)

    def _take_ids[K](self, ids: Sequence[K], take: Callable[[Session, Sequence[K]], object]) -> None:
        left = iter(ids)

        def some(session: Session, size: int) -> int:
            found = [one for one, _ in zip(left, range(size), strict=False)]
            take(session, found)
            return len(found)

        if ids:
            self._in_slices(some)

    def _in_slices(self, take: Take) -> None:
        """Call `take` with how much it may take, each time in a transaction, until it took less."""
        for size, told in self._sizes():
            with self.log.writing() as session:
                session.connection()  # from here on others wait
                began = monotonic()
                gone = take(session, size)
            told(monotonic() - began)
            self.log.checkpoint()
            if gone < size:
                return

    def _sizes(self) -> Iterator[tuple[int, Callable[[float], None]]]:
        size = self.first
        took: list[float] = []
        while True:
            yield size, took.append
            sleep(took[-1] * REST)
            size = max(FEWEST, min(MOST, int(size * self.seconds / max(took[-1], 0.001)), size * 2))


def _delete(session: Session, table: type[Trial] | type[Completion], ids: Sequence[int]) -> None:
    session.execute(delete(table).where(table.id.in_(ids)))


def _take_attempts(session: Session, size: int) -> int:
    """Take attempts of runs that are gone."""
    ids = list(session.scalars(select(Attempt.id).where(Attempt.run_id.not_in(select(Run.id))).limit(size)))
    session.execute(delete(Attempt).where(Attempt.id.in_(ids)))
    return len(ids)
