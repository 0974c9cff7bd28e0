"""The runs of a log: listed, found, and told apart from those that died."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, bindparam, func, or_, select, type_coerce, update
from sqlalchemy.orm import Session

from promptlab.core.errors import NotFound, UsageError
from promptlab.models import Attempt, Completion, Run, RunFile, Snapshot
from promptlab.schemas.log import PLAYGROUND, AttemptRecord, RunRecord, SourceFile
from promptlab.schemas.run import total
from promptlab.schemas.throttle import course_of
from promptlab.services.git import GitState

_SHOWN = 5
_RUNS, _ATTEMPTS = Run.__table__, Attempt.__table__
_UNFINISHED = select(_RUNS.c.id).where(_RUNS.c.status == "running")
_HANGING = select(
    func.count(), func.count(_ATTEMPTS.c.reserved_usd), func.sum(_ATTEMPTS.c.reserved_usd)
).where(_ATTEMPTS.c.run_id == bindparam("run"), _ATTEMPTS.c.state == "intent")
_ENDED = _RUNS.c.passed + _RUNS.c.failed + _RUNS.c.errored + _RUNS.c.skipped
_MADE_WITH = type_coerce(_RUNS.c.made_with, Text)  # JSON, in the texts of which a quote is escaped
OF_PIPELINES = or_(_MADE_WITH.is_(None), ~_MADE_WITH.contains(f'"{PLAYGROUND}":'))  # whole ones
_COUNT_LEFT = update(_RUNS).where(_RUNS.c.id == bindparam("run")).values(left=_RUNS.c.planned - _ENDED)


class RunService:
    """Reads runs. `is_running` says whether the process of a run that has not ended is alive."""

    def __init__(self, session: Session, *, is_running: Callable[[str], bool]) -> None:
        self._session = session
        self._is_running = is_running

    def newest(
        self,
        *,
        pipeline: str | None = None,
        limit: int = 50,
        before: str | None = None,
        where: Sequence[ColumnElement[bool]] = (),
    ) -> list[RunRecord]:
        """Give runs, newest first; `before` is the id after which to go on, `where` what else must hold."""
        query = select(Run).where(*where).order_by(Run.id.desc()).limit(limit)
        if pipeline is not None:
            query = query.where(Run.pipeline == pipeline)
        if before is not None:
            query = query.where(Run.id < before)
        return self._records(list(self._session.scalars(query)))

    def pipelines(self) -> list[str]:
        """Give the names of the pipelines that were run, sorted."""
        return list(self._session.scalars(select(Run.pipeline).distinct().order_by(Run.pipeline)))

    def named(self, reference: str) -> int:
        """Count the runs that an id, a start of one, or `last` may mean."""
        return len(self._matching(reference.strip().lower()))

    def find(self, reference: str) -> RunRecord:
        """Give the run that an id, a unique start of one, or `last` names; raises UsageError.

        The last is of a whole pipeline: none of the playground.
        """
        found = self._matching(reference.strip().lower())
        if not found:
            raise NotFound(f"there is no run '{reference}'", hint="`promptlab runs list` shows the runs")
        if len(found) > 1:
            ids = ", ".join(run.id for run in found[:_SHOWN])
            raise UsageError(
                f"more than one run begins with '{reference}': {ids} …", hint="give more of the id"
            )
        return self._records(found)[0]

    def with_ids(self, ids: Collection[str]) -> list[RunRecord]:
        """Give those of the runs with these ids that there are, newest first."""
        query = select(Run).where(Run.id.in_(ids)).order_by(Run.id.desc())
        return self._records(list(self._session.scalars(query)))

    def unfinished(self, newest: str) -> list[str]:
        """Give the ids of runs of which no end is known, and of all that are newer than `newest`."""
        return list(
            self._session.scalars(select(Run.id).where(or_(Run.status == "running", Run.id > newest)))
        )

    def paths(self, run_id: str) -> list[str]:
        """Give what a run read, by its paths in the project."""
        return list(self._session.scalars(select(RunFile.path).where(RunFile.run_id == run_id)))

    def files(self, run_id: str) -> dict[str, bytes]:
        """Give the sources of a run as they were, by path."""
        return {file.path: file.content for file in self.sources(run_id)}

    def sources(self, run_id: str) -> list[SourceFile]:
        """Give the files that a run was made from, by path."""
        query = (
            select(RunFile.path, RunFile.kind, Snapshot.content)
            .join(Snapshot, Snapshot.digest == RunFile.digest)
            .where(RunFile.run_id == run_id)
            .order_by(RunFile.path)
        )
        return [SourceFile(path, kind, content) for path, kind, content in self._session.execute(query)]  # type: ignore[arg-type]

    def unknown_attempts(self, run_id: str) -> list[AttemptRecord]:
        """Give the attempts that may have been paid for without an answer here."""
        states = ["unknown"] if self._is_running(run_id) else ["unknown", "intent"]
        query = (
            select(Attempt).where(Attempt.run_id == run_id, Attempt.state.in_(states)).order_by(Attempt.id)
        )
        return [attempt_record(attempt) for attempt in self._session.scalars(query)]

    def doubtful_attempts(self, path: str) -> list[AttemptRecord]:
        """Give those of the newest run of a pipeline file that no answer is known to in any run."""
        runs = select(Run.id).where(Run.path == path, OF_PIPELINES)
        newest = self._session.scalar(runs.order_by(Run.id.desc()).limit(1))
        unknown = self.unknown_attempts(newest) if newest is not None else []
        asked = {attempt.fingerprint for attempt in unknown}
        query = select(Completion.fingerprint).where(Completion.fingerprint.in_(asked))
        answered = set(self._session.scalars(query))
        return [attempt for attempt in unknown if attempt.fingerprint not in answered]

    def mark_interrupted(self) -> list[str]:
        """Write down what happened to runs that died: what they had sent without an answer is unknown."""
        unfinished = self._session.connection().execute(_UNFINISHED)
        dead = [run_id for (run_id,) in unfinished if not self._is_running(run_id)]
        for run_id in dead:
            mark_dead(self._session, run_id)
        return dead

    def note_git(self, run_ids: Sequence[str], state: GitState) -> None:
        """Write down what git says of runs that did not wait to hear of it."""
        values = {"git_commit": state.commit, "git_dirty": state.dirty}
        self._session.execute(update(Run).where(Run.id.in_(run_ids)).values(values))

    def _matching(self, reference: str) -> list[Run]:
        query = select(Run).order_by(Run.id.desc())
        if reference == "last":
            return list(self._session.scalars(query.where(OF_PIPELINES).limit(1)))
        exact = self._session.get(Run, reference)
        if exact is not None or not reference:
            return [exact] if exact else []
        begins = Run.id.between(reference, reference + "~")
        return list(self._session.scalars(query.where(begins).limit(_SHOWN + 1)))

    def _records(self, runs: list[Run]) -> list[RunRecord]:
        dead = {run.id for run in runs if run.status == "running" and not self._is_running(run.id)}
        if dead:
            self._session.rollback()  # look again: a run ends before it gives its lock back
        return [self._record(run, died=run.id in dead) for run in runs]

    def _record(self, run: Run, *, died: bool) -> RunRecord:
        if not died or run.status != "running":
            return _record(run)
        count, spent = _hanging(self._session, run.id)
        known = run.spent_usd if not count else total((run.spent_usd, spent))
        return replace(_record(run), status="interrupted", spent_usd=known)


def _record(run: Run) -> RunRecord:
    facts = {field.name: getattr(run, field.name) for field in fields(RunRecord)}
    told: Mapping[str, Any] = run.throttle or {}  # MISSING where it is not told
    throttle = {model: course_of(course) for model, course in told.items()}
    read = {"cells": tuple(run.cells), "gates": tuple(run.gates), "throttle": throttle}
    costs = {"cost_usd": total((run.cost_usd,)), "spent_usd": total((run.spent_usd,))}
    return RunRecord(**{**facts, **read, **costs, "made_with": run.made_with or {}})


def attempt_record(attempt: Attempt) -> AttemptRecord:
    return AttemptRecord(**{field.name: getattr(attempt, field.name) for field in fields(AttemptRecord)})


def mark_dead(session: Session, run_id: str) -> None:
    """Write down that the process of a run has died, unless the run had come to its end."""
    give_up_attempts(session, run_id)
    count_left(session.connection(), run_id)
    ended = update(Run).where(Run.id == run_id, Run.status == "running")
    session.execute(ended.values(status="interrupted", reason="its process died"))


def count_left(connection: Connection, run_id: str) -> None:
    """Count, at the end of a run, the trials that it did not come to."""
    connection.execute(_COUNT_LEFT, {"run": run_id})


def _hanging(session: Session, run_id: str) -> tuple[int, float | None]:
    """Give how many attempts have no known end, and what they may have cost; None where that is unknown."""
    count, known, reserved = session.connection().execute(_HANGING, {"run": run_id}).one()
    return count, (reserved or 0.0) if known == count else None


def give_up_attempts(session: Session, run_id: str) -> int:
    """Count attempts without a known end as paid for, as dear as they may have been; give their number."""
    count, spent = _hanging(session, run_id)
    if not count:
        return 0
    session.execute(
        update(Attempt)
        .where(Attempt.run_id == run_id, Attempt.state == "intent")
        .values(state="unknown", spent_usd=Attempt.reserved_usd, ended_at=datetime.now(UTC))
    )
    session.execute(update(Run).where(Run.id == run_id).values(spent_usd=Run.spent_usd + spent))
    return count
