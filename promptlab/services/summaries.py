"""A stored run in numbers, as its end said them, or as far as it came."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from promptlab.analysis.measures import MEASURES, MeasuredCell, Measures, measures_from
from promptlab.analysis.slices import TAGS, Slicing
from promptlab.analysis.telling import detail_of, measured_of, values_of
from promptlab.core.errors import UsageError
from promptlab.core.suggest import did_you_mean
from promptlab.models import StepRun, Trial, Verdict
from promptlab.schemas.log import LoggedStatus, RunRecord
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.report import MEASURED, Calls, GateResult, Measured, RunSummary, Slices, paid
from promptlab.schemas.run import OF_ANSWERS, everywhere, total
from promptlab.services.commands import command_anew, command_on
from promptlab.services.measuring_again import sampled
from promptlab.services.runs import RunService
from promptlab.services.trials import TrialService

EXIT_CODES: Mapping[LoggedStatus, int] = {"failed": 1, "errored": 3, "limited": 4, "interrupted": 130}
COUNTED = ("passed", "failed", "errored", "skipped")

type Values = dict[str, float | None]


class SummaryService:
    """Makes summaries from what the log has; `runs` reads from the same session."""

    def __init__(self, session: Session, *, runs: RunService) -> None:
        self._session = session
        self._runs = runs

    def of(self, run: RunRecord) -> RunSummary:
        """Give the summary of a run; one that never came to its end is counted as far as it came."""
        metrics, cells, measured = self._metrics(run)
        unread, unfit = self._beyond_a_resume(run)
        unknown = self._runs.unknown_attempts(run.id)
        at_risk = total(attempt.reserved_usd for attempt in unknown)
        return RunSummary(
            run_id=run.id,
            pipeline=run.pipeline,
            status=run.status,
            trials={name: getattr(run, name) for name in COUNTED},
            calls=Calls(sent=run.sent, attempts=run.attempts, recalled=run.recalled),
            metrics=metrics,
            cells=cells,
            measured=measured,
            checks=self._checks(run),
            gates=tuple(GateResult(**gate) for gate in run.gates),  # type: ignore[arg-type]
            planned=run.planned,
            unread=unread,
            unfit=unfit,
            cost_usd=run.cost_usd,
            spent_usd=paid(run.spent_usd, at_risk),
            seconds=run.seconds or 0.0,
            unknown=len(unknown),
            unknown_usd=at_risk,
            stopped=run.reason,
            throttle=run.throttle,
            command=command_on(run.id, run.path, run.options, run.reason),
            anew=command_anew(run.id, run.path, run.options),
            exit_code=EXIT_CODES.get(run.status, 0),
        )

    def sliced(self, run: RunRecord, by: str) -> Slices:
        """Give the metrics by a column or `$tags`; raises UsageError where no row has the column."""
        measures = _measures(run)
        slicing = Slicing(by, measures)
        for trial, samples in sampled(TrialService(self._session).of_run(run.id), measures):
            slicing.add(trial, samples)
        if not slicing.is_known:
            hint = did_you_mean(by, slicing.columns | {TAGS})
            raise UsageError(f"--by {by}: run {run.id} has no such column", hint=hint)
        return slicing.slices()

    def _metrics(self, run: RunRecord) -> tuple[Values, dict[str, Values], Measured]:
        said: dict[str, Any] = dict(run.metrics)
        if not said:
            return self._counted(run)
        cells, measured = said.pop("cells", {}), said.pop(MEASURED, {})
        return said, cells, Measured.of_json(measured)

    def _counted(self, run: RunRecord) -> tuple[Values, dict[str, Values], Measured]:
        measures = _measures(run)
        metrics = measures.metrics()
        for trial, samples in sampled(TrialService(self._session).of_run(run.id), measures):
            metrics.add(trial, samples)
        cells, total = metrics.cells(), metrics.total()
        detail = detail_of({cell.name: cell.metrics for cell in measures.cells}, cells)
        return dict(total.values), values_of(cells), measured_of(total, cells, detail)

    def _checks(self, run: RunRecord) -> dict[str, dict[str, float | None]]:
        passed = func.sum(case((Verdict.status == "passed", 1), else_=0))
        query = (
            select(Trial.cell, Verdict.step, Verdict.name, passed, func.count())
            .join(Verdict, Verdict.trial_id == Trial.id)
            .where(Trial.run_id == run.id, Verdict.status != "skipped")
            .group_by(Trial.cell, Verdict.step, Verdict.name)
            .order_by(func.min(Verdict.position))
        )
        counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
        for cell, step, name, good, count in self._session.execute(query):
            check = f"{everywhere(step)}/{name}" if step else name
            counts[cell, check][0] += good
            counts[cell, check][1] += count
        rates: dict[str, dict[str, float | None]] = defaultdict(dict)
        missing = self._missing(run)
        for (cell, check), (good, count) in counts.items():
            rates[cell][check] = good / (count + missing.get(cell, 0))
        return dict(rates)

    def _beyond_a_resume(self, run: RunRecord) -> tuple[int, int]:
        """Count the trials that errored over what judges said, and over what models answered."""
        if not run.errored or not self._has_answers_to_blame(run):
            return 0, 0
        errored = TrialService(self._session).of_run(run.id, statuses=("errored",))
        kinds = Counter((trial.is_unread, trial.is_unfit) for trial in errored)
        return kinds[True, False], kinds[False, True]

    def _has_answers_to_blame(self, run: RunRecord) -> bool:
        asked = select(Verdict.trial_id).where(Verdict.status == "errored", Verdict.asked.is_not(None))
        unfit = select(StepRun.trial_id).where(StepRun.error_kind.in_(OF_ANSWERS))
        found = (query.join(Trial).where(Trial.run_id == run.id).limit(1) for query in (asked, unfit))
        return any(self._session.execute(query).first() is not None for query in found)

    def _missing(self, run: RunRecord) -> dict[str, int]:
        """Count the trials of each cell that never came: they count as failures."""
        if run.done >= run.planned:
            return {}
        share = run.planned // len(run.cells) if run.cells else 0
        query = select(Trial.cell, func.count()).where(Trial.run_id == run.id, Trial.status != "left")
        came = {cell: count for cell, count in self._session.execute(query.group_by(Trial.cell))}  # noqa: C416
        return {cell: max(0, share - came.get(cell, 0)) for cell in run.cells}


def _measures(run: RunRecord) -> Measures:
    """Give what a run measures; one of an older version only what all runs do."""
    kept: Any = run.made_with.get(MEASURES)
    if kept is not None:
        return measures_from(kept)
    share = run.planned // len(run.cells) if run.cells else 0
    return Measures(tuple(MeasuredCell(cell, cell, share) for cell in run.cells), Repeat())
