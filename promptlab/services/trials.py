"""The trials of a run, streamed in their order."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Select, Table, case, func, select
from sqlalchemy.orm import Session

from promptlab.models import Row, StepRun, Trial, Verdict
from promptlab.schemas.run import (
    MISSING,
    Asked,
    StepCall,
    StepResult,
    TrialKey,
    TrialResult,
    TrialStatus,
    nested,
)
from promptlab.schemas.run import Verdict as Judged

_CHUNK = 200
_TRIALS, _ROWS, _STEPS, _VERDICTS = Trial.__table__, Row.__table__, StepRun.__table__, Verdict.__table__
ORDER = (_TRIALS.c.row, _TRIALS.c.cell_index, _TRIALS.c.repeat)

type _Details = dict[int, list[Found[Any]]]


class TrialService:
    """Reads trials a chunk at a time, so that memory does not grow with the run."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def of_run(
        self,
        run_id: str,
        *,
        row: int | None = None,
        cell: str | None = None,
        statuses: Sequence[TrialStatus] | None = None,
    ) -> Iterator[TrialResult]:
        """Give trials in order of row, cell and repeat; `cell` is a whole name or a variant's.

        Those that were left for a later run come too, with status `left`.
        """
        query = _trials(run_id)
        if row is not None:
            query = query.where(_TRIALS.c.row == row)
        if cell is not None:
            query = query.where((_TRIALS.c.cell == cell) | (_TRIALS.c.variant == cell))
        if statuses is not None:
            query = query.where(_TRIALS.c.status.in_(statuses))
        found = self._session.execute(query, execution_options={"yield_per": _CHUNK})
        for chunk in found.partitions():
            yield from self._whole(chunk)

    def rows(self, run_id: str) -> list[int]:
        """Give the numbers of the rows that have trials."""
        row = _TRIALS.c.row
        return list(
            self._session.scalars(select(row).where(_TRIALS.c.run_id == run_id).distinct().order_by(row))
        )

    def of_ids(self, ids: Sequence[int]) -> Iterator[TrialResult]:
        """Give the trials of these numbers in the log."""
        for some in batched(ids, _CHUNK):
            yield from self._whole(self._session.execute(_joined().where(_TRIALS.c.id.in_(some))).all())

    def by_id(self, ids: Sequence[int]) -> dict[int, TrialResult]:
        """Give those of the trials of these numbers that there are, by their numbers."""
        found: dict[int, TrialResult] = {}
        for some in batched(ids, _CHUNK):
            chunk = self._session.execute(_joined().where(_TRIALS.c.id.in_(some))).all()
            found |= zip((trial.id for trial in chunk), self._whole(chunk), strict=True)
        return found

    def counts(self, run_id: str) -> dict[str, int]:
        """Give how many trials of each cell have ended; at `""` how many were left."""
        name = case((_TRIALS.c.status == "left", ""), else_=_TRIALS.c.cell)
        query = select(name, func.count()).where(_TRIALS.c.run_id == run_id).group_by(name)
        return {found[0]: found[1] for found in self._session.execute(query)}

    def _whole(self, chunk: Sequence[Found[Any]]) -> Iterator[TrialResult]:
        ids = [trial.id for trial in chunk]
        steps, verdicts = self._details(_STEPS, ids), self._details(_VERDICTS, ids)
        for trial in chunk:
            yield _trial(trial, steps[trial.id], verdicts[trial.id])

    def _details(self, table: Table, ids: list[int]) -> _Details:
        query = select(table).where(table.c.trial_id.in_(ids)).order_by(table.c.trial_id, table.c.position)
        details: _Details = defaultdict(list)
        for found in self._session.execute(query):
            details[found.trial_id].append(found)
        return details


def _trials(run_id: str) -> Select[Any]:
    return _joined().where(_TRIALS.c.run_id == run_id).order_by(*ORDER)


def _joined() -> Select[Any]:
    joined = _TRIALS.outerjoin(_ROWS, _ROWS.c.digest == _TRIALS.c.row_digest)
    return select(_TRIALS, _ROWS.c.inputs, _ROWS.c.columns.label("row_columns")).select_from(joined)


def _trial(trial: Found[Any], steps: list[Found[Any]], verdicts: list[Found[Any]]) -> TrialResult:
    by_step: dict[int | None, list[Judged]] = defaultdict(list)
    for verdict in verdicts:
        by_step[verdict.step_position].append(_verdict(verdict))
    key = TrialKey(
        row=trial.row,
        row_id=trial.row_id,
        cell=trial.cell,
        variant=trial.variant,
        axes=dict(sorted(trial.axes.items())),
        repeat=trial.repeat,
    )
    return TrialResult(
        key=key,
        status=trial.status,
        inputs=trial.inputs,
        outputs=None if trial.outputs is MISSING else trial.outputs,
        steps=nested(_step(step, tuple(by_step[step.position])) for step in steps),
        verdicts=tuple(by_step[None]),
        tags=tuple(trial.tags),
        error=trial.error,
        columns=trial.row_columns,
    )


def _step(step: Found[Any], verdicts: tuple[Judged, ...]) -> StepResult:
    return StepResult(
        id=step.step,
        status=step.status,
        output=step.output,
        messages=tuple(step.messages),
        said=step.said,
        model=step.model,
        calls=tuple(map(step_call, step.calls)),
        input_tokens=step.input_tokens,
        output_tokens=step.output_tokens,
        cost_usd=step.cost_usd,
        spent_usd=step.spent_usd,
        latency_ms=step.latency_ms,
        finish_reason=step.finish_reason,
        logprobs=None if step.logprobs is MISSING else tuple(step.logprobs),
        error=step.error,
        error_kind=step.error_kind,
        verdicts=verdicts,
    )


def step_call(values: Sequence[Any]) -> StepCall:
    names = ("fingerprint", "completion_id", "recalled", "attempts", "tool")
    return StepCall(**dict(zip(names, values, strict=False)))


def _verdict(verdict: Found[Any]) -> Judged:
    return Judged(
        step=verdict.step,
        name=verdict.name,
        type=verdict.type,
        status=verdict.status,
        score=verdict.score,
        reason=verdict.reason,
        metric=verdict.metric,
        weight=verdict.weight,
        severity=verdict.severity,
        asked=None if verdict.asked is MISSING else _asked(verdict.asked),
    )


def _asked(found: dict[str, Any]) -> Asked:
    return Asked(**{**found, "calls": tuple(map(step_call, found["calls"]))})
