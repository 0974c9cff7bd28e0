"""One trial of a run with all that it asked: its answers and the attempts to get them."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import Session

from promptlab.core.errors import NotFound
from promptlab.models import Attempt, Completion, Trial
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import AnswerLine, AttemptLine, OneTrial, WholeCall
from promptlab.schemas.run import StepCall, TrialResult, TrialStatus
from promptlab.services.rated_answers import RatedAnswers
from promptlab.services.trials import ORDER, TrialService

MOST_CALLS = 500
MOST_ATTEMPTS = 100
_T, _COMPLETIONS, _ATTEMPTS = Trial.__table__.c, Completion.__table__, Attempt.__table__
_NUMBER, _PLACE = re.compile(r"[0-9]{1,18}"), re.compile(r"([0-9]{1,9})-([0-9]{1,9})-([0-9]{1,9})")
_ANSWER = [
    _COMPLETIONS.c[name]
    for name in (
        "id",
        "fingerprint",
        "run_id",
        "created_at",
        "provider",
        "model",
        "finish_reason",
        "answered_by",
        "input_tokens",
        "output_tokens",
        "cached_tokens",
        "reasoning_tokens",
        "cost_usd",
        "latency_ms",
        "first_token_ms",
        "attempts",
    )
]
_ATTEMPT = [
    _ATTEMPTS.c[name]
    for name in (
        "number",
        "fingerprint",
        "state",
        "status_code",
        "error_kind",
        "error",
        "spent_usd",
        "sent_at",
        "ended_at",
    )
]
_PLACED = (_T.id, _T.row, _T.row_id, _T.cell, _T.cell_index, _T.repeat)


class OneTrialService:
    """Reads trials of one run; a trial is named by its number or by row, cell and repeat: `3-0-0`."""

    def __init__(self, session: Session, run: RunRecord) -> None:
        self._session = session
        self._run = run

    def read(self, name: str, *, against: str | None = None) -> OneTrial:
        """Give it; `against`: an earlier run, of which it is told how it ended there. Raises NotFound."""
        found = self.placed(name)
        (trial,) = TrialService(self._session).of_ids([found.id])
        rated = RatedAnswers(self._session, self._run).of([found.row]).get(trial.key.place)
        if rated is not None:
            trial = replace(trial, ratings=rated.told)
        calls = calls_of(trial)
        answers = self._answers(calls)
        return OneTrial(
            id=found.id,
            place=_place(found.row, found.cell_index, found.repeat),
            trial=trial,
            answers=answers,
            attempts=self._attempts(calls),
            before=self._beside(found, -1),
            after=self._beside(found, 1),
            then=self._then(found, against) if against is not None else None,
            against=against,
        )

    def call(self, name: str, answer: int) -> WholeCall:
        """Give one of the calls of a trial with its request and its answer's bytes. Raises NotFound."""
        (trial,) = TrialService(self._session).of_ids([self.placed(name).id])
        asked = any(call.completion_id == answer for call in calls_of(trial))
        columns = (*_ANSWER, _COMPLETIONS.c.request, _COMPLETIONS.c.text, _COMPLETIONS.c.raw)
        query = select(*columns).where(_COMPLETIONS.c.id == answer)
        found = self._session.execute(query).one_or_none() if asked else None
        if found is None:
            raise NotFound(f"trial {name} has no answer {answer} on record", hint="it may have been pruned")
        *values, request, text, raw = found
        return WholeCall(answer=_answer(values), request=request, text=text, raw=raw.decode(errors="replace"))

    def placed(self, name: str) -> Any:
        """Give where a trial is: id, row, row_id, cell, cell_index, repeat. Raises NotFound."""
        query = select(*_PLACED).where(*self._named(name), _T.run_id == self._run.id)
        found = self._session.execute(query).one_or_none()
        if found is None:
            raise self._missing(name)
        return found

    def _named(self, name: str) -> tuple[ColumnElement[bool], ...]:
        if _NUMBER.fullmatch(name):
            return (_T.id == int(name),)
        placed = _PLACE.fullmatch(name)
        if placed is None:
            raise self._missing(name)
        row, cell, repeat = map(int, placed.groups())
        return _T.row == row, _T.cell_index == cell, _T.repeat == repeat

    def _missing(self, name: str) -> NotFound:
        hint = "a trial is named by its number, or by row, cell and repeat: 3-0-0"
        return NotFound(f"run {self._run.id} has no trial '{name[:40]}'", hint=hint)

    def _answers(self, calls: Iterable[StepCall]) -> Mapping[int, AnswerLine]:
        ids = list(dict.fromkeys(call.completion_id for call in calls if call.completion_id is not None))
        if not ids:
            return {}
        query = select(*_ANSWER).where(_COMPLETIONS.c.id.in_(ids[:MOST_CALLS]))
        found = (_answer([*row]) for row in self._session.execute(query))
        return {answer.id: answer for answer in found}

    def _attempts(self, calls: Iterable[StepCall]) -> Mapping[str, tuple[AttemptLine, ...]]:
        """Give those of calls that took more than one, or got no answer; the others' answers tell enough."""
        hard = {
            call.fingerprint
            for call in calls
            if call.attempts > 1 or (call.attempts and not call.completion_id)
        }
        if not hard:
            return {}
        query = select(*_ATTEMPT).where(_ATTEMPTS.c.run_id == self._run.id, _ATTEMPTS.c.fingerprint.in_(hard))
        found: dict[str, list[AttemptLine]] = defaultdict(list)
        for row in self._session.execute(query.order_by(_ATTEMPTS.c.id).limit(MOST_ATTEMPTS)):
            found[row.fingerprint].append(AttemptLine(**row._mapping))  # noqa: SLF001 - public, for all its name
        return {fingerprint: tuple(lines) for fingerprint, lines in found.items()}

    def _beside(self, found: Any, by: int) -> str | None:
        here = tuple_(found.row, found.cell_index, found.repeat)
        order = tuple_(*ORDER)
        query = select(*ORDER).where(_T.run_id == self._run.id, order > here if by > 0 else order < here)
        first: Select[Any] = query.order_by(*(ORDER if by > 0 else [one.desc() for one in ORDER])).limit(1)
        beside = self._session.execute(first).one_or_none()
        return _place(*beside) if beside is not None else None

    def _then(self, found: Any, against: str) -> TrialStatus | None:
        """Look where it most likely was; a row that has moved is looked for in the whole run."""
        query = select(_T.status).where(_T.run_id == against, _T.row_id == found.row_id)
        named = query.where(_T.cell == found.cell, _T.repeat == found.repeat).limit(1)
        status: Any = self._session.scalar(named.where(_T.row == found.row))
        return status or self._session.scalar(named.order_by(func.abs(_T.row - found.row)))


def calls_of(trial: TrialResult) -> list[StepCall]:
    """Give what its steps and its judges asked."""
    steps = (call for step in trial.all_steps for call in step.calls)
    return [*steps, *(call for asked in trial.asked for call in asked.calls)]


def _answer(values: list[Any]) -> AnswerLine:
    return AnswerLine(**{column.name: value for column, value in zip(_ANSWER, values, strict=True)})


def _place(row: int, cell: int, repeat: int) -> str:
    return f"{row}-{cell}-{repeat}"
