"""What a matrix shows of the trials of some rows: texts are cut in the database, not here."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Text, func, or_, select, type_coerce
from sqlalchemy.orm import Session

from promptlab.core.json import as_text
from promptlab.models import Row, StepRun, Trial, Verdict
from promptlab.schemas.pages import CheckLine, MatrixRow, TrialCell
from promptlab.schemas.run import TrialStatus
from promptlab.services.rated_answers import RatedAnswers, RatedTrials
from promptlab.services.trials import ORDER

LONGEST_OUTPUT = 600
LONGEST_INPUT = 200
LONGEST_REASON = 200
MOST_INPUTS = 20
_TRIALS, _ROWS, _STEPS, _VERDICTS = Trial.__table__, Row.__table__, StepRun.__table__, Verdict.__table__
_T = _TRIALS.c
_JSON_SIZE = LONGEST_OUTPUT * 6 + 2  # a character takes at most six in JSON
_FACTS = (_T.id, _T.row, _T.row_id, _T.cell, _T.cell_index, _T.repeat, _T.status, _T.score)
_SUMS = (_T.cost_usd, _T.latency_ms, _T.tags, func.substr(_T.error, 1, LONGEST_REASON).label("error"))
_OUTPUTS = func.substr(type_coerce(_T.outputs, Text), 1, _JSON_SIZE).label("outputs")
_VERDICT_FACTS = tuple(
    _VERDICTS.c[name] for name in ("trial_id", "step", "name", "type", "status", "score", "severity")
)
_REASON = func.substr(_VERDICTS.c.reason, 1, LONGEST_REASON).label("reason")

type Steps = Mapping[int, tuple[int, int, bool, str | None]]
type Before = Mapping[tuple[str, str, int], TrialStatus]

_NO_STEPS = (0, 0, False, None)


class MatrixCells:
    """Reads trials of one run for its matrix; `rated`: what people say of them."""

    def __init__(self, session: Session, run_id: str, *, rated: RatedAnswers) -> None:
        self._session = session
        self._rated = rated
        self._run_id = run_id

    def rows(
        self, numbers: Sequence[int], *, cells: Sequence[str] = (), against: str | None = None
    ) -> list[MatrixRow]:
        """Give some rows in the order asked for; `cells`: names or variants, all where there is none."""
        trials = self._trials(numbers, cells) if numbers else []
        if not trials:
            return []
        ids = [trial.id for trial in trials]
        details = _Details(
            self._steps(ids), self._checks(ids), self._before(trials, against), self._rated.of(numbers)
        )
        by_row = {row: list(found) for row, found in groupby(trials, key=lambda trial: trial.row)}
        inputs = self._inputs({found[0].row_digest for found in by_row.values()})
        return [_row(by_row[row], inputs, details) for row in numbers if row in by_row]

    def _trials(self, numbers: Sequence[int], cells: Sequence[str]) -> list[Any]:
        query = select(*_FACTS, *_SUMS, _OUTPUTS, _T.row_digest)
        query = query.where(_T.run_id == self._run_id, _T.row.in_(numbers)).order_by(*ORDER)
        if cells:
            query = query.where(or_(_T.cell.in_(cells), _T.variant.in_(cells)))
        return [*self._session.execute(query)]

    def _steps(self, ids: Sequence[int]) -> Steps:
        """Give the tokens of each trial, whether all that it asked was recalled, and its first error."""
        names = ("trial_id", "input_tokens", "output_tokens", "calls")
        error = func.substr(_STEPS.c.error, 1, LONGEST_REASON)
        columns: list[Any] = [*(_STEPS.c[name] for name in names), error]
        query = select(*columns).where(_STEPS.c.trial_id.in_(ids))
        found: dict[int, tuple[int, int, bool, str | None]] = {}
        calls: dict[int, list[bool]] = defaultdict(list)
        for trial, given, made, asked, broke in self._session.execute(query):
            calls[trial] += (bool(call[2]) for call in asked)
            before = found.get(trial, _NO_STEPS)
            recalled = bool(calls[trial]) and all(calls[trial])
            found[trial] = (before[0] + given, before[1] + made, recalled, before[3] or broke)
        return found

    def _checks(self, ids: Sequence[int]) -> Mapping[int, list[CheckLine]]:
        query = select(*_VERDICT_FACTS, _REASON).where(_VERDICTS.c.trial_id.in_(ids))
        checks: dict[int, list[CheckLine]] = defaultdict(list)
        for found in self._session.execute(query.order_by(_VERDICTS.c.trial_id, _VERDICTS.c.position)):
            trial, *values = found
            checks[trial].append(CheckLine(**dict(zip(_CHECK_FIELDS, values, strict=True))))
        return checks

    def _before(self, trials: Sequence[Found[Any]], against: str | None) -> Before:
        """Give how the trials of these rows ended in the earlier run; most rows have their old number."""
        if against is None:
            return {}
        wanted = {trial.row_id for trial in trials}
        query = select(_T.row_id, _T.cell, _T.repeat, _T.status).where(_T.run_id == against)
        numbered = query.where(_T.row.in_({trial.row for trial in trials}))
        found = _ended(self._session.execute(numbered), wanted)
        if wanted - {row_id for row_id, _, _ in found}:
            found |= _ended(self._session.execute(query.where(_T.row_id.in_(wanted))), wanted)
        return found

    def _inputs(self, digests: Iterable[str]) -> Mapping[str, dict[str, str]]:
        query = select(Row.digest, Row.inputs).where(Row.digest.in_(list(digests)))
        return {digest: _cut_inputs(inputs) for digest, inputs in self._session.execute(query)}


class _Details:
    """What belongs to trials, by their numbers or names."""

    def __init__(
        self, steps: Steps, checks: Mapping[int, list[CheckLine]], before: Before, rated: RatedTrials
    ) -> None:
        self.steps = steps
        self.checks = checks
        self.before = before
        self.rated = rated


_CHECK_FIELDS = ("step", "name", "type", "status", "score", "severity", "reason")


def _row(trials: list[Found[Any]], inputs: Mapping[str, dict[str, str]], details: _Details) -> MatrixRow:
    first = trials[0]
    return MatrixRow(
        row=first.row,
        row_id=first.row_id,
        inputs=inputs.get(first.row_digest, {}),
        tags=tuple(map(str, first.tags)),
        trials=tuple(_cell(trial, details) for trial in trials),
    )


def _cell(trial: Found[Any], details: _Details) -> TrialCell:
    given, made, recalled, broke = details.steps.get(trial.id, _NO_STEPS)
    output, is_cut = cut_output(trial.outputs)
    rated = details.rated.get((trial.row, trial.cell, trial.repeat))
    return TrialCell(
        **{column.name: getattr(trial, column.name) for column in _FACTS},
        cost_usd=trial.cost_usd,
        latency_ms=trial.latency_ms,
        error=trial.error or broke,
        output=output,
        is_cut=is_cut,
        input_tokens=given,
        output_tokens=made,
        recalled=recalled,
        checks=tuple(details.checks.get(trial.id, ())),
        before=details.before.get((trial.row_id, trial.cell, trial.repeat)),
        ratings=rated.told if rated is not None else (),
    )


def cut_output(written: str | None) -> tuple[str | None, bool]:
    """Give the text of the JSON of outputs, or of its beginning, cut; None where there is none."""
    if written is None or written == "null":
        return None, False
    text = _text(written)
    return text[:LONGEST_OUTPUT], len(text) > LONGEST_OUTPUT or len(written) == _JSON_SIZE


def _text(written: str) -> str:
    try:
        return as_text(json.loads(written))
    except ValueError:
        return _beginning(written)


def _beginning(written: str) -> str:
    """Read what there is of a string that was cut in the middle, maybe of an escape."""
    for end in range(len(written), len(written) - 12, -1) if written.startswith('"') else ():
        try:
            return str(json.loads(written[:end] + '"'))
        except ValueError:
            continue
    return written


def _cut_inputs(inputs: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_text(inputs[name])[:LONGEST_INPUT] for name in list(inputs)[:MOST_INPUTS]}


def _ended(found: Iterable[Any], wanted: set[str]) -> dict[tuple[str, str, int], TrialStatus]:
    return {(row, cell, repeat): status for row, cell, repeat, status in found if row in wanted}
