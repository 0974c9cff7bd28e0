"""Reads what checks of a run asked of models that judge, and what the same checks asked before."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.models import Row, Trial, Verdict
from promptlab.schemas.run import MISSING, StepCall, TrialKey
from promptlab.services.earlier_steps import Earlier, find_earlier, runs_before
from promptlab.services.logged_step import Name, Place
from promptlab.services.trials import ORDER, step_call

_AT_ONCE = 500
_CHUNK = 5_000
_TRIALS, _VERDICTS = Trial.__table__, Verdict.__table__


@frozen(kw_only=True)
class LoggedJudging:
    """A check of a trial that asked. `at`: its step's path, None: the pipeline. `outputs`: the trial's."""

    run_id: str
    place: Place  # trial, position of the verdict
    trial: TrialKey
    row_digest: str
    at: str | None
    check: str
    calls: tuple[StepCall, ...]
    outputs: Any

    @property
    def name(self) -> Name:
        return self.trial.row_id, self.trial.cell, self.trial.repeat

    @property
    def step(self) -> str:
        """What it is called in its trial."""
        return _called(self.at, self.check)

    @property
    def first_sent(self) -> StepCall | None:
        """The first call that left; None: none did."""
        return next((call for call in self.calls if not call.recalled and call.attempts), None)


class JudgeHistory:
    """Looks at the judges of a run beside those of the runs of its pipeline before it."""

    def __init__(self, session: Session, run_id: str) -> None:
        self._session = session
        self._run_id = run_id

    def sent(self) -> Iterator[list[LoggedJudging]]:
        """Give the checks of which a call left, in pieces, in order of row, cell and repeat."""
        query = _logged().where(_TRIALS.c.run_id == self._run_id).order_by(*ORDER, _VERDICTS.c.position)
        found = self._session.execute(query, execution_options={"yield_per": _CHUNK})
        for rows in found.partitions():
            yield [one for one in map(_judging, rows) if one.first_sent is not None]

    def before(self, judgings: Sequence[LoggedJudging]) -> Earlier:
        return find_earlier(self._session, runs_before(self._session, self._run_id), judgings, places=_places)

    def at(self, places: Collection[Place]) -> dict[Place, LoggedJudging]:
        """Give the checks at places."""
        wanted = set(places)
        found = (
            _judging(row)
            for some in batched({trial for trial, _ in wanted}, _AT_ONCE)
            for row in self._session.execute(_logged().where(_TRIALS.c.id.in_(some)))
        )
        return {one.place: one for one in found if one.place in wanted}

    def columns(self, digests: Collection[str]) -> dict[str, Mapping[str, JSON]]:
        """Give all columns of rows, by the digests of these."""
        query = select(Row.digest, Row.columns)
        return {
            digest: columns
            for some in batched(digests, _AT_ONCE)
            for digest, columns in self._session.execute(query.where(Row.digest.in_(some)))
        }


def _places(session: Session, trials: Mapping[int, Name]) -> Iterator[tuple[int, int, str]]:
    columns = (_VERDICTS.c[name] for name in ("trial_id", "position", "step", "name"))
    query = select(*columns).where(_VERDICTS.c.asked.is_not(None))
    for some in batched(trials, _AT_ONCE):
        for trial_id, position, step, name in session.execute(query.where(_VERDICTS.c.trial_id.in_(some))):
            yield trial_id, position, _called(step, name)


def _called(step: str | None, check: str) -> str:
    return f"{step}/{check}" if step else check


def _logged() -> Select[Any]:
    trial = ("run_id", "row", "row_id", "row_digest", "cell", "variant", "axes", "repeat", "outputs")
    verdict = ("trial_id", "position", "step", "name", "asked")
    columns = (*(_TRIALS.c[name] for name in trial), *(_VERDICTS.c[name] for name in verdict))
    joined = _TRIALS.join(_VERDICTS, _VERDICTS.c.trial_id == _TRIALS.c.id)
    return select(*columns).select_from(joined).where(_VERDICTS.c.asked.is_not(None))


def _judging(found: Found[Any]) -> LoggedJudging:
    key = TrialKey(
        row=found.row,
        row_id=found.row_id,
        cell=found.cell,
        variant=found.variant,
        axes=found.axes,
        repeat=found.repeat,
    )
    asked = {} if found.asked is MISSING else found.asked
    return LoggedJudging(
        run_id=found.run_id,
        place=(found.trial_id, found.position),
        trial=key,
        row_digest=found.row_digest,
        at=found.step,
        check=found.name,
        calls=tuple(map(step_call, asked.get("calls", ()))),
        outputs=found.outputs,
    )
