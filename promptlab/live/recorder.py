"""The run log as a run sees it: recalls, records each call before and after, writes the rest behind."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

from sqlalchemy import Connection, update
from sqlalchemy.orm import Session

from promptlab.core.errors import StorageError
from promptlab.core.frozen import replace
from promptlab.core.ids import new_id
from promptlab.core.json import plain
from promptlab.engine.call_log import Intent
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.day_limit import DaySpend
from promptlab.live.beginning import write_beginning, write_file
from promptlab.live.burial import bury
from promptlab.live.day import DayGuard
from promptlab.live.ledger import Ledger
from promptlab.live.recall import OwnAnswers, Recaller
from promptlab.live.work import Finished, Intended, Job, Kept, Recalled, Settled, weight_of
from promptlab.live.writer import First, Writer
from promptlab.loader.files import FileSnapshot
from promptlab.models import Run
from promptlab.schemas.events import CallRecalled, Event, RunStarted, TrialFinished
from promptlab.schemas.log import RunEnd, RunStart, SourceFile
from promptlab.schemas.report import Calls
from promptlab.schemas.run import TrialResult
from promptlab.schemas.sources import Sources
from promptlab.services.reopening import ReopeningService, recount
from promptlab.services.run_log import RunLog
from promptlab.services.runs import count_left, give_up_attempts
from promptlab.services.store import RunLock

_NEVER_LEFT = CallFailure(kind="interrupted", message="given up before it left", outcome="unsent")
_INTERRUPTED = RunEnd(status="interrupted", reason="it was not brought to an end")


class Recorder:
    """Records one run; a CallLog for the engine and a listener to its events.

    `intend`, `settle`, `keep`, `flush` and `end_run` return when what they say is committed. Each method
    raises StorageError once the log could not be written; nothing is recorded from then on.
    """

    def __init__(
        self,
        log: RunLog,
        *,
        run_id: str | None = None,
        lock: RunLock | None = None,
        cost_usd_per_day: float | None = None,
    ) -> None:
        self.run_id = run_id or new_id()
        self._log = log
        self._goes_on = lock is not None
        guard = DayGuard(cost_usd_per_day, log.store.changes()) if cost_usd_per_day is not None else None
        self._ledger = Ledger(self.run_id, guard=guard, replaces=self._goes_on)
        self._lock = lock or log.lock_of(self.run_id)
        self._numbers: dict[str, int] = {}
        self._cells: dict[str, int] = {}
        self._sources: Mapping[str, Mapping[str, Sources]] = {}
        self._writer: Writer
        self._recaller: Recaller
        self._doubtful: set[str] | None = None
        self._recalled = 0  # calls of which the writer was not told yet
        self._ended = True

    @classmethod
    async def begin_run(cls, log: RunLog, start: RunStart, *, cost_usd_per_day: float | None = None) -> Self:
        """Hold the lock of a new run for as long as this process lives.

        That it has begun is committed with its first intents, or soon. No intent is recorded that would have
        all runs of the day cost more than `cost_usd_per_day`.
        """
        recorder = cls(log, run_id=start.id, cost_usd_per_day=cost_usd_per_day)
        with log.errors():
            recorder._lock.wait()
        begun = datetime.now(UTC)  # what is on record by then is recalled
        recorder._open(first=lambda to: recorder._begin(to, start, begun))
        return recorder

    @classmethod
    async def aside(cls, log: RunLog, *, cost_usd_per_day: float | None = None) -> Self:
        """Record calls that belong to no run; otherwise as `begin_run`."""
        recorder = cls(log, cost_usd_per_day=cost_usd_per_day)
        with log.errors():
            recorder._lock.wait()
        recorder._open(recorder._bury)
        return recorder

    @classmethod
    async def go_on(
        cls, log: RunLog, run_id: str, lock: RunLock, *, cost_usd_per_day: float | None = None
    ) -> Self:
        """Commit that a run goes on whose lock this process holds; otherwise as `begin_run`.

        A trial that is recorded stands in for the one of this run that there was before.
        """
        recorder = cls(log, run_id=run_id, lock=lock, cost_usd_per_day=cost_usd_per_day)
        recorder._open(recorder._reopen)
        return recorder

    @property
    def own(self) -> OwnAnswers:
        """Give what is known of answers that a resumed run bought before it went on."""
        return self._recaller.own

    def answers(self) -> int:
        """Give how many answers the log holds, at most."""
        return self._recaller.answers()

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        if self._writer.is_full:
            await self.flush()
        return await self._recaller.look_up(request.fingerprint, own_run_only=own_run_only)

    async def in_doubt(self, fingerprint: str) -> bool:
        if self._doubtful is None:
            await self.flush()  # what runs left behind that died is in doubt from our beginning on
            self._doubtful = await self._recaller.aside(self._recaller.doubtful)
        return fingerprint in self._doubtful

    async def today(self) -> DaySpend:
        recaller = self._recaller
        return await recaller.aside(lambda: recaller.today(self._log.is_running))

    async def intend(self, intent: Intent) -> int | None:
        intent = self._numbered(intent)
        future = self._writer.put_and_wait(Intended(intent))
        try:
            attempt_id: int | None = await asyncio.shield(future)
        except asyncio.CancelledError:
            future.add_done_callback(lambda done: self._take_back(done, intent))
            raise
        return attempt_id

    async def settle(self, attempt_id: int, intent: Intent, answer: Completion | CallFailure) -> int | None:
        if self._doubtful is not None and getattr(answer, "outcome", None) == "unknown":
            self._doubtful.add(intent.request.fingerprint)
        settled = Settled(attempt_id, self._numbered(intent), answer)
        completion_id: int | None = await self._writer.put_and_wait(settled)
        return completion_id

    async def keep(self, request: CompletionRequest, answer: Completion) -> int:
        completion_id: int = await self._writer.put_and_wait(Kept(request, answer))
        return completion_id

    def emit(self, event: Event) -> None:
        """Write what happened some time soon; blocks for a moment where the disk is far behind."""
        match event:
            case TrialFinished(trial, _, spared):
                sources = self._sources.get(trial.key.cell, {})
                finished = Finished(trial, self._cell_index(trial), sources, spared, self._take_recalled())
                self._writer.put(finished, weight=weight_of(trial))
            case CallRecalled():
                self._recalled += 1
            case RunStarted(_, planned, cells, sources):
                self._sources = sources
                self._cells = {cell: index for index, cell in enumerate(cells)}
                self._writer.put(Job(lambda to: self._update(to, planned=planned, cells=cells)), weight=0)
            case _:
                pass

    def add_file(self, file: FileSnapshot) -> None:
        """Write down, some time soon, a file that was read while the run went on."""
        manifest = plain({"sha256": file.sha256, "size": file.size}).encode()
        source = SourceFile(file.path, "data", manifest)
        self._writer.put(Job(lambda to: write_file(to, self.run_id, source)), weight=200)

    def count_kept(self, *, recalled: int, planned: int) -> None:
        """Say how many calls the trials recalled that a resumed run keeps, and how many it is to do."""
        self._writer.put(Job(lambda to: self._update(to, recalled=recalled, planned=planned)), weight=0)

    async def calls(self) -> Calls:
        """Give the calls of all parts of the run."""
        await self.flush()
        with self._log.reading() as session:
            run = session.get_one(Run, self.run_id)
            return Calls(sent=run.sent, attempts=run.attempts, recalled=run.recalled)

    async def flush(self) -> None:
        """Wait until all that was told before is committed."""
        self._writer.put(Recalled(self._take_recalled()), weight=0)
        await self._writer.put_and_wait(Job(lambda _connection: None))

    async def end_run(self, end: RunEnd) -> None:
        """Commit how the run ended, after all that was told before."""
        self._writer.put(Recalled(self._take_recalled()), weight=0)
        await self._writer.put_and_wait(Job(lambda connection: self._end(connection, end)))
        self._ended = True

    async def close(self) -> None:
        """End the writer; a run that was not ended is an interrupted one."""
        try:
            if not self._ended:
                with suppress(StorageError):  # told by the writer's close
                    await self.end_run(_INTERRUPTED)
            await self._writer.close()
        finally:
            self._recaller.close()
            self._lock.remove()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    def _take_recalled(self) -> int:
        count, self._recalled = self._recalled, 0
        return count

    def _open(self, begin: Callable[[], None] = lambda: None, *, first: First | None = None) -> None:
        """Get ready to record; gives the lock back where that fails."""
        with self._log.errors():
            try:
                begin()
                self._recaller = _recaller(self._log)(self._log, self.run_id, goes_on=self._goes_on)
                loop = asyncio.get_running_loop()
                self._writer = Writer(self._log, self._ledger.write, loop=loop, first=first)
            except BaseException:
                self._lock.remove()
                raise
        self._ended = False

    def _begin(self, connection: Connection, start: RunStart, begun: datetime) -> None:
        session = Session(connection)
        bury(session, self._log)
        write_beginning(session, self.run_id, start, begun)

    def _bury(self) -> None:
        with self._log.writing() as session:
            bury(session, self._log)

    def _reopen(self) -> None:
        with self._log.writing() as session:
            bury(session, self._log)
            run = ReopeningService(session, self.run_id)
            run.go_on()
            self._numbers = run.numbers()

    def _numbered(self, intent: Intent) -> Intent:
        """Count on where the request left before the run was resumed."""
        before = self._numbers.get(intent.request.fingerprint)
        return replace(intent, number=intent.number + before) if before else intent

    def _cell_index(self, trial: TrialResult) -> int:
        return self._cells.setdefault(trial.key.cell, len(self._cells))

    def _take_back(self, done: asyncio.Future[int | None], intent: Intent) -> None:
        attempt_id = None if done.cancelled() or done.exception() is not None else done.result()
        if attempt_id is not None:
            with suppress(StorageError):  # then it is of unknown outcome, which is safe
                self._writer.put(Settled(attempt_id, intent, _NEVER_LEFT), weight=0)

    def _update(self, connection: Connection, **values: object) -> None:
        connection.execute(update(Run.__table__).where(Run.__table__.c.id == self.run_id), values)

    def _end(self, connection: Connection, end: RunEnd) -> None:
        give_up_attempts(Session(connection), self.run_id)
        if self._goes_on:
            recount(connection, self.run_id)
        count_left(connection, self.run_id)
        self._update(
            connection,
            status=end.status,
            ended_at=datetime.now(UTC),
            seconds=end.seconds,
            reason=end.reason,
            metrics=end.metrics,
            gates=end.gates,
            throttle={model: course.as_json() for model, course in end.throttle.items()},
        )
        if end.compared_usd != 0:
            more = {"cost_usd": Run.cost_usd + end.compared_usd}
            connection.execute(update(Run).where(Run.id == self.run_id).values(more))


def _recaller(log: RunLog) -> type[Recaller]:
    if log.store.answers_at_once:
        return Recaller
    from promptlab.live.far_recall import FarRecaller  # noqa: PLC0415 - not for a file

    return FarRecaller
