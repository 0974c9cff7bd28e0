"""What goes with runs, and answers that no run needs any more: `sliced_removal` takes it away."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from promptlab.core.errors import UsageError
from promptlab.models import Attempt, Completion, Rating, Run, StepRun, Trial, Verdict
from promptlab.schemas.log import Removal

_CHUNK = 500


class RemovalService:
    """Runs go with trials, verdicts and ratings; answers and attempts stay until they are asked for."""

    def __init__(self, session: Session, *, is_running: Callable[[str], bool]) -> None:
        self._session = session
        self._is_running = is_running

    def older(self, *, keep: int = 0, before: datetime | None = None) -> tuple[str, ...]:
        """Give the ids of ended runs but the `keep` newest, begun before `before`."""
        found = self._session.execute(select(Run.id, Run.started_at).order_by(Run.id.desc()).offset(keep))
        old = [run_id for run_id, started in found if before is None or started < before]
        return tuple(run_id for run_id in old if not self._is_running(run_id))

    def preview(self, run_ids: Sequence[str], *, answers: bool = False) -> Removal:
        """Say what removing them takes away."""
        unneeded = self.unneeded(run_ids) if answers else []
        ours = Trial.run_id.in_(run_ids)
        details = select(Trial.id).where(ours)
        steps, verdicts = StepRun.trial_id.in_(details), Verdict.trial_id.in_(details)
        return Removal(
            runs=tuple(run_ids),
            trials=self._count(Trial.id, ours),
            verdicts=self._count(Verdict.trial_id, verdicts),
            ratings=self._count(Rating.id, Rating.run_id.in_(run_ids)),
            answers=len(unneeded),
            text_bytes=self._bytes([Trial.outputs], ours)
            + self._bytes([Rating.note], Rating.run_id.in_(run_ids))
            + self._bytes([StepRun.output, StepRun.messages], steps)
            + sum(
                self._bytes([Completion.text, Completion.request, Completion.raw], Completion.id.in_(some))
                for some in _chunks(unneeded)
            ),
        )

    def refuse_live(self, run_ids: Sequence[str], *, answers: bool) -> None:
        """Raise UsageError where one of the runs lives; with `answers`, where any run or check does."""
        unfinished = self._session.scalars(select(Run.id).where(Run.status == "running"))
        live = [run_id for run_id in unfinished if self._is_running(run_id)]
        for run_id in live:
            if answers or run_id in run_ids:
                raise UsageError(f"run {run_id} is still running", hint="wait for its end, or stop it")
        if answers:
            self._refuse_live_checks()

    def _refuse_live_checks(self) -> None:
        asking = self._session.scalars(select(Attempt.run_id).where(Attempt.state == "intent").distinct())
        if any(map(self._is_running, asking)):
            raise UsageError("a check is still running", hint="wait for its end, or stop it")

    def unneeded(self, run_ids: Sequence[str]) -> list[int]:
        """Give the answers that neither a run left bought nor a trial left used."""
        left = set(self._session.scalars(select(Run.id))) - set(run_ids)
        bought = select(Completion.id, Completion.run_id)
        unneeded = {found for found, run_id in self._session.execute(bought) if run_id not in left}
        if unneeded:
            for calls in self._session.scalars(_calls_of_others(run_ids)):
                unneeded.difference_update(call[1] for call in calls)
            for asked in self._session.scalars(_asked_by_others(run_ids)):
                unneeded.difference_update(call[1] for call in asked["calls"])
        return sorted(unneeded)

    def _count(self, column: InstrumentedAttribute[int], where: ColumnElement[bool]) -> int:
        return self._session.scalar(select(func.count(column)).where(where)) or 0

    def _bytes(self, columns: Iterable[InstrumentedAttribute[object]], where: ColumnElement[bool]) -> int:
        lengths = [func.coalesce(func.sum(func.length(column)), 0) for column in columns]
        return sum(self._session.execute(select(*lengths).where(where)).one())


def _calls_of_others(run_ids: Sequence[str]) -> Select[tuple[list[list[object]]]]:
    query = select(StepRun.calls).join(Trial, Trial.id == StepRun.trial_id)
    return query.where(Trial.run_id.not_in(run_ids)).execution_options(yield_per=10_000)


def _asked_by_others(run_ids: Sequence[str]) -> Select[tuple[Any]]:
    query = select(Verdict.asked).join(Trial, Trial.id == Verdict.trial_id)
    others = query.where(Trial.run_id.not_in(run_ids), Verdict.asked.is_not(None))
    return others.execution_options(yield_per=10_000)


def _chunks[T](values: Sequence[T]) -> Iterable[Sequence[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
