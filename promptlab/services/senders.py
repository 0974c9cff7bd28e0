"""Which steps of which rows sent requests, as far as their trials are on record."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.engine.places import place_of
from promptlab.models import StepRun, Trial, Verdict
from promptlab.schemas.log import Sender
from promptlab.schemas.run import Place
from promptlab.services.trials import step_call

JUDGES = "judges"
CHUNK = 1_000
RUN_AGAIN = ("errored", "left")


class SenderService:
    """Reads the trials of one run."""

    def __init__(self, session: Session, run_id: str) -> None:
        self._session = session
        self._run_id = run_id

    def of(self, fingerprints: Collection[str]) -> dict[str, list[Sender]]:
        """Give, by fingerprint, who sent a request; of what no trial on record sent there is nothing."""
        found: dict[str, list[Sender]] = {}
        for place, row, calls in (*self._steps(), *self._judges()):
            for fingerprint in {step_call(call).fingerprint for call in calls} & set(fingerprints):
                senders = found.setdefault(fingerprint, [])
                if (place, row) not in senders:
                    senders.append((place, row))
        return found

    def ended(self) -> set[Place]:
        """Give the trials that a run that goes on would not run again."""
        columns = Trial.row, Trial.cell, Trial.repeat
        query = select(*columns).where(Trial.run_id == self._run_id, Trial.status.not_in(RUN_AGAIN))
        return {(row, cell, repeat) for row, cell, repeat in self._session.execute(query)}

    def _steps(self) -> Iterator[tuple[str, str, Sequence[Any]]]:
        query = select(StepRun.step, Trial.row_id, StepRun.calls).join(Trial, Trial.id == StepRun.trial_id)
        found = self._session.execute(
            query.where(Trial.run_id == self._run_id).order_by(Trial.row, Trial.id, StepRun.position),
            execution_options={"yield_per": CHUNK},
        )
        for step, row, calls in found:
            yield place_of(step), row, calls

    def _judges(self) -> Iterator[tuple[str, str, Sequence[Any]]]:
        query = select(Verdict.step, Trial.row_id, Verdict.asked).join(Trial, Trial.id == Verdict.trial_id)
        found = self._session.execute(
            query.where(Trial.run_id == self._run_id, Verdict.asked.is_not(None)).order_by(Trial.id),
            execution_options={"yield_per": CHUNK},
        )
        for step, row, asked in found:
            yield judging(place_of(step or "")), row, (asked or {}).get("calls", ())


def judging(place: str) -> str:
    """Name the judges of a step, or of the pipeline."""
    return f"{place}: {JUDGES}" if place else JUDGES
