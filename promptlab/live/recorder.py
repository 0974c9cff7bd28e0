"""The run log as a run sees it: recalls, records each call before and after, writes the rest behind."""

import asyncio
import getpass
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Self

from sqlalchemy import Connection, insert, update
from sqlalchemy.dialects.sqlite import insert as insert_if_new
from sqlalchemy.orm import Session

from promptlab.core.database import storage_errors
from promptlab.core.errors import StorageError
from promptlab.core.ids import new_id
from promptlab.engine.call_log import Intent
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.day_limit import DaySpend
from promptlab.live.ledger import Ledger
from promptlab.live.recall import Recaller
from promptlab.live.work import Finished, Intended, Job, Kept, Recalled, Settled, weight_of
from promptlab.live.writer import Writer
from promptlab.models import Run, RunFile, Snapshot
from promptlab.schemas.events import CallRecalled, Event, RunStarted, TrialFinished
from promptlab.schemas.log import RunEnd, RunStart
from promptlab.schemas.run import TrialResult
from promptlab.schemas.sources import Sources
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService, count_left, give_up_attempts

_NEVER_LEFT = CallFailure(kind="interrupted", message="given up before it left", outcome="unsent")
_INTERRUPTED = RunEnd(status="interrupted", reason="it was not brought to an end")


class Recorder:
    """Records one run; a CallLog for the engine and a listener to its events.

    `intend`, `settle`, `keep`, `flush` and `end_run` return when what they say is committed. Each method
    raises StorageError once the log could not be written; nothing is recorded from then on.
    """

    def __init__(self, log: RunLog, *, cost_usd_per_day: float | None = None) -> None:
        self.run_id = new_id()
        self._log = log
        self._ledger = Ledger(self.run_id, cost_usd_per_day=cost_usd_per_day)
        self._lock = log.lock_of(self.run_id)
        self._cells: dict[str, int] = {}
        self._sources: Mapping[str, Mapping[str, Sources]] = {}
        self._writer: Writer
        self._recaller: Recaller
        self._doubtful: set[str] | None = None
        self._ended = True

    @classmethod
    async def begin_run(cls, log: RunLog, start: RunStart, *, cost_usd_per_day: float | None = None) -> Self:
        """Commit that the run has begun, and hold its lock for as long as this process lives.

        No intent is recorded that would have all runs of the day cost more than `cost_usd_per_day`.
        """
        recorder = cls(log, cost_usd_per_day=cost_usd_per_day)
        with storage_errors(log.path):
            recorder._lock.acquire()
            try:
                recorder._open(start)
            except BaseException:
                recorder._lock.remove()
                raise
        recorder._ended = False
        return recorder

    def answers(self) -> int:
        """Give how many answers the log holds, at most."""
        return self._recaller.answers()

    async def recall(self, fingerprint: str, *, own_run_only: bool = False) -> Completion | None:
        if self._writer.is_full:
            await self.flush()
        return await self._recaller.look_up(fingerprint, own_run_only=own_run_only)

    async def in_doubt(self, fingerprint: str) -> bool:
        if self._doubtful is None:
            self._doubtful = self._recaller.doubtful()
        return fingerprint in self._doubtful

    async def today(self) -> DaySpend:
        return self._recaller.today(self._log.is_running)

    async def intend(self, intent: Intent) -> int | None:
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
        completion_id: int | None = await self._writer.put_and_wait(Settled(attempt_id, intent, answer))
        return completion_id

    async def keep(self, request: CompletionRequest, answer: Completion) -> int:
        completion_id: int = await self._writer.put_and_wait(Kept(request, answer))
        return completion_id

    def emit(self, event: Event) -> None:
        """Write what happened some time soon; blocks for a moment where the disk is far behind."""
        match event:
            case TrialFinished(trial):
                sources = self._sources.get(trial.key.cell, {})
                finished = Finished(trial, self._cell_index(trial), sources)
                self._writer.put(finished, weight=weight_of(trial))
            case CallRecalled():
                self._writer.put(Recalled(), weight=100)
            case RunStarted(_, planned, cells, sources):
                self._sources = sources
                self._cells = {cell: index for index, cell in enumerate(cells)}
                self._writer.put(Job(lambda to: self._update(to, planned=planned, cells=cells)), weight=0)
            case _:
                pass

    async def flush(self) -> None:
        """Wait until all that was told before is committed."""
        await self._writer.put_and_wait(Job(lambda _connection: None))

    async def end_run(self, end: RunEnd) -> None:
        """Commit how the run ended, after all that was told before."""
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

    def _open(self, start: RunStart) -> None:
        with self._log.writing() as session:
            dead = RunService(session, is_running=self._log.is_running).mark_interrupted()
            _begin(session, self.run_id, start)
        for run_id in dead:
            self._log.lock_of(run_id).remove()
        self._recaller = Recaller(self._log, self.run_id)
        self._writer = Writer(self._log, self._ledger.write, loop=asyncio.get_running_loop())

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
        connection.execute(count_left(self.run_id))
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


def _begin(session: Session, run_id: str, start: RunStart) -> None:
    session.execute(insert(Run), {"id": run_id, **_facts(start)})
    digests = {file.path: sha256(file.content).hexdigest() for file in start.files}
    for file in start.files:
        snapshot = {"digest": digests[file.path], "content": file.content}
        session.execute(insert_if_new(Snapshot.__table__).on_conflict_do_nothing(), snapshot)
        entry = {"run_id": run_id, "path": file.path, "kind": file.kind, "digest": digests[file.path]}
        session.execute(insert(RunFile), entry)


def _facts(start: RunStart) -> dict[str, Any]:
    return {
        "pipeline": start.pipeline,
        "path": start.path,
        "status": "running",
        "started_at": datetime.now(UTC),
        "git_commit": start.git_commit,
        "git_dirty": start.git_dirty,
        "version": _version(),
        "host": socket.gethostname(),
        "user": _user(),
        "pid": os.getpid(),
        "note": start.note,
        "options": start.options,
        "cells": (),
        "metrics": {},
        "gates": (),
        "cost_usd": 0.0,
        "spent_usd": 0.0,
    }


def _version() -> str:
    try:
        return version("promptlab-pipelines")
    except PackageNotFoundError:
        return "unknown"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in containers
        return str(os.getuid())
