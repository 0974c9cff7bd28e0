"""Turns a group of puts into rows, many at a time."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Insert, Table, bindparam, delete, func, insert, select, update

from promptlab.core.prepared import PreparedInsert, insert_if_new
from promptlab.engine.completion import Completion as Answer
from promptlab.live.day import DayGuard
from promptlab.live.work import (
    Finished,
    Intended,
    Job,
    Kept,
    Recalled,
    Settled,
    Values,
    attempt_values,
    completion_values,
    row_values,
    settled_values,
    step_values,
    trial_values,
    verdict_values,
)
from promptlab.live.writer import Group
from promptlab.models import Attempt, Completion, Row, Run, StepRun, Trial, Verdict
from promptlab.schemas.run import total

_ATTEMPTS, _COMPLETIONS, _RUNS = Attempt.__table__, Completion.__table__, Run.__table__
_TRIALS, _STEPS, _VERDICTS, _ROWS = Trial.__table__, StepRun.__table__, Verdict.__table__, Row.__table__
_SETTLED = ("state", "spent_usd", "status_code", "error_kind", "error", "completion_id", "ended_at")
_COUNTED = (
    "planned",
    "passed",
    "failed",
    "errored",
    "skipped",
    "left",
    "sent",
    "attempts",
    "recalled",
    "cost_usd",
    "spent_usd",
)

_settle = (
    update(_ATTEMPTS)
    .where(_ATTEMPTS.c.id == bindparam("attempt_id"))
    .values({name: bindparam(name) for name in _SETTLED})
)
_strike_out = delete(_ATTEMPTS).where(_ATTEMPTS.c.id == bindparam("attempt_id"))
_count = (
    update(_RUNS)
    .where(_RUNS.c.id == bindparam("run"))
    .values({name: _RUNS.c[name] + bindparam(f"more_{name}") for name in _COUNTED})
)
_PLACE = ("run_id", "row", "cell_index", "repeat")
_take_out = delete(_TRIALS).where(*(_TRIALS.c[name] == bindparam(f"old_{name}") for name in _PLACE))
_new = {table: insert(table) for table in (_ATTEMPTS, _COMPLETIONS, _TRIALS)}
_NEW_ROWS = insert_if_new(_ROWS)
_NEW_STEPS, _NEW_VERDICTS = insert(_STEPS), insert(_VERDICTS)
_last_id = {table: select(func.max(table.c.id)) for table in (_ATTEMPTS, _COMPLETIONS, _TRIALS)}


class Ledger:
    """The rows of one run. `guard`: of a limit that it shares with all other runs of the log.

    `replaces`: there may be a trial already in the place of one that has finished.
    """

    def __init__(self, run_id: str, *, guard: DayGuard | None = None, replaces: bool = False) -> None:
        self._run_id = run_id
        self._replaces = replaces
        self._guard = guard

    def write(self, connection: Connection, group: Group) -> Sequence[Any]:
        """Write the group; give, in order, the id of each attempt (None: refused) and of each completion."""
        now = datetime.now(UTC)
        asked = [put.work for put in group]
        works = self._admitted(connection, asked, now)
        ids = {
            **self._intend(connection, _only(works, Intended), now),
            **self._answer(connection, works, now),
        }
        self._finish(connection, _only(works, Finished), now)
        self._count(connection, works)
        for job in _only(works, Job):
            job.do(connection)
        return [ids.get(id(work)) for work in asked]

    def _admitted(self, connection: Connection, works: list[Any], now: datetime) -> list[Any]:
        """Give the works without the intents that a limit of the day refuses."""
        if self._guard is None:
            return works
        intents, settled = _only(works, Intended), _only(works, Settled)
        refused = set(map(id, self._guard.refuse(connection, intents, settled, now)))
        return [work for work in works if id(work) not in refused]

    def _intend(self, connection: Connection, works: list[Intended], now: datetime) -> dict[int, int]:
        values = [attempt_values(work.intent, run_id=self._run_id, now=now) for work in works]
        return dict(zip(map(id, works), self._number(connection, _ATTEMPTS, values), strict=True))

    def _answer(self, connection: Connection, works: list[Any], now: datetime) -> dict[int, int]:
        answers = [
            (id(work), completion_values(work.request, work.answer, run_id=self._run_id, now=now))
            for work in works
            if isinstance(work, Settled | Kept) and isinstance(work.answer, Answer)
        ]
        inserted = self._number(connection, _COMPLETIONS, [values for _, values in answers])
        ids = dict(zip((key for key, _ in answers), inserted, strict=True))
        settled = _only(works, Settled)
        ends = [settled_values(work, ids.get(id(work)), now=now) for work in settled if work.left]
        if ends:
            connection.execute(_settle, ends)
        struck = [{"attempt_id": work.attempt_id} for work in settled if not work.left]
        if struck:
            connection.execute(_strike_out, struck)
        return ids

    def _finish(self, connection: Connection, works: list[Finished], now: datetime) -> None:
        if not works:
            return
        trials = [trial_values(work, run_id=self._run_id, now=now) for work in works]
        unique = list({work.row_digest: row_values(work) for work in works}.values())
        self._insert(connection, _NEW_ROWS, unique)
        if self._replaces:
            connection.execute(
                _take_out, [{f"old_{name}": trial[name] for name in _PLACE} for trial in trials]
            )
        ids = self._number(connection, _TRIALS, trials)
        self._detail(connection, list(zip(ids, works, strict=True)))

    def _detail(self, connection: Connection, trials: list[tuple[int, Finished]]) -> None:
        steps = [
            step_values(trial_id, position, step, work)
            for trial_id, work in trials
            for position, step in enumerate(work.trial.all_steps)
        ]
        verdicts = [values for trial_id, work in trials for values in verdict_values(trial_id, work.trial)]
        self._insert(connection, _NEW_STEPS, steps)
        self._insert(connection, _NEW_VERDICTS, verdicts)

    def _count(self, connection: Connection, works: list[Any]) -> None:
        more = _counts(works)
        if any(value != 0 for value in more.values()):
            named = {f"more_{name}": value for name, value in more.items()}
            connection.execute(_count, {"run": self._run_id, **named})

    def _number(self, connection: Connection, table: Table, values: list[Values]) -> Sequence[int]:
        """Insert with ids given here: the transaction keeps other writers out, and RETURNING is slow."""
        if not values:
            return ()
        first = (connection.execute(_last_id[table]).scalar() or 0) + 1
        ids = range(first, first + len(values))
        numbered = [{"id": new, **row} for new, row in zip(ids, values, strict=True)]
        self._insert(connection, _new[table], numbered)
        return ids

    def _insert(self, connection: Connection, statement: Insert, rows: Sequence[Values]) -> None:
        """Insert rows of the same columns."""
        if rows:
            PreparedInsert.of(statement, tuple(rows[0]), connection.dialect).run(connection, rows)


def _counts(works: list[Any]) -> Values:
    finished, settled = _only(works, Finished), _only(works, Settled)
    begun = [work.intent.number for work in _only(works, Intended)]
    struck = [work.intent.number for work in settled if not work.left]
    statuses = Counter(work.trial.status for work in finished)
    return {
        "planned": -sum(work.spared for work in finished),
        **{name: statuses[name] for name in ("passed", "failed", "errored", "skipped", "left")},
        "attempts": len(begun) - len(struck),
        "sent": begun.count(1) - struck.count(1),
        "recalled": sum(work.recalled for work in finished)
        + sum(work.count for work in _only(works, Recalled)),
        "cost_usd": total(work.trial.cost_usd for work in finished),
        "spent_usd": total(work.spent_usd for work in settled),
    }


def _only[T](works: Iterable[Any], kind: type[T]) -> list[T]:
    return [work for work in works if type(work) is kind]
