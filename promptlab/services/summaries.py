"""A stored run in numbers, as its end said them, or as far as it came."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from promptlab.analysis.metrics import Metrics, PlannedCell
from promptlab.models import Trial, Verdict
from promptlab.schemas.log import LoggedStatus, RunRecord
from promptlab.schemas.report import Calls, GateResult, RunSummary, paid
from promptlab.schemas.run import everywhere, total
from promptlab.services.commands import command_on
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
        metrics, cells = self._metrics(run)
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
            checks=self._checks(run),
            gates=tuple(GateResult(**gate) for gate in run.gates),  # type: ignore[arg-type]
            planned=run.planned,
            cost_usd=run.cost_usd,
            spent_usd=paid(run.spent_usd, at_risk),
            seconds=run.seconds or 0.0,
            unknown=len(unknown),
            unknown_usd=at_risk,
            stopped=run.reason,
            throttle=run.throttle,
            command=command_on(run.id, run.path, run.options, run.reason),
            exit_code=EXIT_CODES.get(run.status, 0),
        )

    def _metrics(self, run: RunRecord) -> tuple[Values, dict[str, Values]]:
        said: dict[str, Any] = dict(run.metrics)
        if not said:
            return self._counted(run)
        return said, said.pop("cells", {})

    def _counted(self, run: RunRecord) -> tuple[Values, dict[str, Values]]:
        share = run.planned // len(run.cells) if run.cells else 0
        metrics = Metrics(PlannedCell(cell, cell, share) for cell in run.cells)
        for trial in TrialService(self._session).of_run(run.id):
            metrics.add(trial)
        cells = {cell.cell or "": dict(cell.values) for cell in metrics.cells()}
        return dict(metrics.total().values), cells

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

    def _missing(self, run: RunRecord) -> dict[str, int]:
        """Count the trials of each cell that never came: they count as failures."""
        if run.done >= run.planned:
            return {}
        share = run.planned // len(run.cells) if run.cells else 0
        query = select(Trial.cell, func.count()).where(Trial.run_id == run.id, Trial.status != "left")
        came = {cell: count for cell, count in self._session.execute(query.group_by(Trial.cell))}  # noqa: C416
        return {cell: max(0, share - came.get(cell, 0)) for cell in run.cells}
