"""Reads what steps of a run were asked, and what the same steps were asked before."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import batched
from typing import Any

from sqlalchemy import Row as Found
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from promptlab.core.json import JSON
from promptlab.models import Completion, Row, RunFile, StepRun, Trial
from promptlab.schemas.run import TrialKey
from promptlab.schemas.sources import Sources
from promptlab.services.earlier_steps import Earlier, find_earlier, runs_before
from promptlab.services.logged_step import Asked, LoggedFile, LoggedStep, PeerStep, Place
from promptlab.services.trials import ORDER, step_call

_AT_ONCE = 500
_CHUNK = 20_000
_TRIALS, _STEPS = Trial.__table__, StepRun.__table__


class StepHistory:
    """Looks at a run beside the runs of its pipeline before it; everything is read for many at a time."""

    def __init__(self, session: Session, run_id: str) -> None:
        self._session = session
        self._connection = session.connection()
        self._run_id = run_id
        self._files: dict[str, dict[str, LoggedFile]] = {}

    def sent(self) -> Iterator[list[LoggedStep]]:
        """Give the steps of which a call left, in pieces, in order of row, cell and repeat."""
        query = _logged().where(_TRIALS.c.run_id == self._run_id).order_by(*ORDER, _STEPS.c.position)
        found = self._connection.execute(query, execution_options={"yield_per": _CHUNK})
        for rows in found.partitions():
            yield [step for step in map(_step, rows) if step.first_sent is not None]

    def before(self, steps: Sequence[LoggedStep]) -> Earlier:
        return find_earlier(self._session, self._runs, steps)

    def at(self, places: Collection[Place]) -> dict[Place, LoggedStep]:
        """Give the steps at places."""
        wanted = set(places)
        found = (
            _step(row)
            for some in batched({trial for trial, _ in wanted}, _AT_ONCE)
            for row in self._connection.execute(_logged().where(_TRIALS.c.id.in_(some)))
        )
        return {step.place: step for step in found if step.place in wanted}

    def requests(self, ids: Iterable[int]) -> dict[int, Asked]:
        """Give what answers were given to; those that were pruned are not there."""
        columns = Completion.id, Completion.fingerprint, Completion.provider, Completion.request
        return {
            id_: Asked(*asked)
            for some in batched(ids, _AT_ONCE)
            for id_, *asked in self._connection.execute(select(*columns).where(Completion.id.in_(some)))
        }

    def inputs(self, digests: Iterable[str]) -> dict[str, Mapping[str, JSON]]:
        """Give the inputs of rows, by the digests of these."""
        query = select(Row.digest, Row.inputs)
        found = (
            self._connection.execute(query.where(Row.digest.in_(some))) for some in batched(digests, _AT_ONCE)
        )
        return {digest: inputs for rows in found for digest, inputs in rows}

    def trials(self, ids: Iterable[int]) -> dict[int, dict[str, PeerStep]]:
        """Give the steps of trials, by path."""
        columns = ("trial_id", "position", "step", "status", "output", "template_digest", "code_digest")
        query = select(*(_STEPS.c[name] for name in columns))
        trials: dict[int, dict[str, PeerStep]] = {}
        for some in batched(ids, _AT_ONCE):
            for trial, position, step, *ended, template, code in self._connection.execute(
                query.where(_STEPS.c.trial_id.in_(some))
            ):
                trials.setdefault(trial, {})[step] = PeerStep((trial, position), tuple(ended), template, code)
        return trials

    def messages(self, place: Place) -> Sequence[Mapping[str, Any]]:
        """Give the conversation of a step."""
        trial, position = place
        query = select(StepRun.messages).where(StepRun.trial_id == trial, StepRun.position == position)
        return self._connection.scalar(query) or ()

    def files(self, run_id: str) -> Mapping[str, LoggedFile]:
        """Give the files that a run was made from, by path."""
        if run_id not in self._files:
            query = select(RunFile.path, RunFile.kind, RunFile.digest).where(RunFile.run_id == run_id)
            found = self._connection.execute(query)
            self._files[run_id] = {path: LoggedFile(kind, digest) for path, kind, digest in found}
        return self._files[run_id]

    @cached_property
    def _runs(self) -> list[str]:
        return runs_before(self._session, self._run_id)


def _logged() -> Select[Any]:
    trial = ("run_id", "row", "row_id", "row_digest", "cell", "variant", "axes", "repeat")
    step = (
        "trial_id",
        "position",
        "step",
        "status",
        "model",
        "error_kind",
        "calls",
        "template_digest",
        "includes_digest",
        "code_digest",
    )
    columns = (*(_TRIALS.c[name] for name in trial), *(_STEPS.c[name] for name in step))
    joined = _TRIALS.join(_STEPS, _STEPS.c.trial_id == _TRIALS.c.id)
    return select(*columns, _STEPS.c.row_digest.label("inputs_digest")).select_from(joined)


def _step(found: Found[Any]) -> LoggedStep:
    key = TrialKey(
        row=found.row,
        row_id=found.row_id,
        cell=found.cell,
        variant=found.variant,
        axes=found.axes,
        repeat=found.repeat,
    )
    sources = Sources(found.template_digest, found.includes_digest, found.code_digest)
    return LoggedStep(
        run_id=found.run_id,
        place=(found.trial_id, found.position),
        trial=key,
        row_digest=found.row_digest,
        step=found.step,
        status=found.status,
        model=found.model,
        error_kind=found.error_kind,
        calls=tuple(map(step_call, found.calls)),
        sources=sources if found.inputs_digest is not None else None,
        inputs_digest=found.inputs_digest,
    )
