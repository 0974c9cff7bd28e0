"""Pages of runs, the newest first, each with the course of its pipeline's pass rate."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, or_, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.models import Run
from promptlab.schemas.log import RunRecord, rate_of
from promptlab.schemas.pages import RunFilter, RunLine, RunPage
from promptlab.services.cursors import cursor_of, key_of
from promptlab.services.runs import OF_PIPELINES, RunService

HISTORY = 20
_MOST_PIPELINES = 12  # of which a page shows the history
_RUNS = Run.__table__
_SEARCHED = (Run.note, Run.pipeline, Run.user, Run.id, Run.git_commit)
_RATED = (_RUNS.c.id, _RUNS.c.passed, _RUNS.c.failed, _RUNS.c.errored, type_coerce(_RUNS.c.metrics, Text))


class RunPages:
    """`is_running` says whether the process of a run that has not ended is alive."""

    def __init__(self, session: Session, *, is_running: Callable[[str], bool]) -> None:
        self._session = session
        self._is_running = is_running
        self._runs = RunService(session, is_running=is_running)

    def page(self, wanted: RunFilter, *, cursor: str | None = None, limit: int = 50) -> RunPage:
        """Give the runs after a cursor; raises UsageError where that is broken."""
        before = key_of(cursor, str)[0] if cursor is not None else None
        where = tuple(self._conditions(wanted))
        found = self._runs.newest(limit=limit + 1, before=before, where=where)
        runs = found[:limit]
        histories = self._histories(runs)
        lines = (RunLine(run=run, history=tuple(histories.get(run.id, ()))) for run in runs)
        return RunPage(tuple(lines), cursor_of(runs[-1].id) if len(found) > limit else None)

    def before(self, run: RunRecord) -> RunRecord | None:
        """Give the newest earlier run of the same pipeline in which trials ended."""
        ended = (Run.passed + Run.failed + Run.errored > 0, Run.status != "running", OF_PIPELINES)
        found = self._runs.newest(pipeline=run.pipeline, before=run.id, limit=1, where=ended)
        return found[0] if found else None

    def pipelines(self) -> list[str]:
        return self._runs.pipelines()

    def users(self) -> list[str]:
        return list(self._session.scalars(select(Run.user).distinct().order_by(Run.user)))

    def _conditions(self, wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
        if wanted.pipeline is not None:
            yield Run.pipeline == wanted.pipeline
        if wanted.status is not None:
            yield self._has_status(wanted.status)
        if wanted.git_commit is not None:
            yield Run.git_commit.istartswith(wanted.git_commit, autoescape=True)
        if wanted.user is not None:
            yield Run.user == wanted.user
        if wanted.text is not None:
            yield or_(*(column.icontains(wanted.text, autoescape=True) for column in _SEARCHED))
        if wanted.since is not None:
            yield Run.started_at >= wanted.since
        if wanted.until is not None:
            yield Run.started_at < wanted.until

    def _has_status(self, status: str) -> ColumnElement[bool]:
        """Compare it; a run whose process died is interrupted, though the log says that it runs."""
        if status not in ("running", "interrupted"):
            return Run.status == status
        unfinished = list(self._session.scalars(select(Run.id).where(Run.status == "running")))
        alive = [run_id for run_id in unfinished if self._is_running(run_id)]
        if status == "running":
            return Run.id.in_(alive)
        return or_(Run.status == "interrupted", Run.id.in_(set(unfinished).difference(alive)))

    def _histories(self, runs: Sequence[RunRecord]) -> dict[str, list[float]]:
        names = list(dict.fromkeys(run.pipeline for run in runs))[:_MOST_PIPELINES]
        return {
            run_id: rates
            for name in names
            for run_id, rates in self._history([run.id for run in runs if run.pipeline == name], name)
        }

    def _history(self, ids: Sequence[str], pipeline: str) -> Iterator[tuple[str, list[float]]]:
        """Give, for each of some runs of a pipeline, the rates up to it."""
        query = select(*_RATED).where(_RUNS.c.pipeline == pipeline, _RUNS.c.id <= ids[0], OF_PIPELINES)
        found = self._session.execute(query.order_by(_RUNS.c.id.desc()).limit(HISTORY + len(ids))).all()
        rated = [(row.id, _rate(*row[1:])) for row in reversed(found)]
        wanted, rates = set(ids), list[float]()
        for run_id, rate in rated:
            if rate is not None:
                rates.append(rate)
            if run_id in wanted:
                yield run_id, rates[-HISTORY:]


def _rate(passed: int, failed: int, errored: int, metrics: str) -> float | None:
    said: Any = json.loads(metrics).get("pass_rate")
    return rate_of(said, passed=passed, judged=passed + failed + errored)
