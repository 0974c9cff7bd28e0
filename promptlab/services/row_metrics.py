"""What the rows of a stored run say of each metric, read without their steps and texts."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from promptlab.analysis.row_values import ByRow, Side, built_in
from promptlab.models import Run, Trial, Verdict

if TYPE_CHECKING:
    from promptlab.schemas.pipeline import Repeat

_TRIALS, _VERDICTS = Trial.__table__, Verdict.__table__
_READ = [_TRIALS.c[name] for name in ("id", "cell", "row_id", "status", "score", "cost_usd", "latency_ms")]


class RowMetricsService:
    def __init__(self, session: Session) -> None:
        self._session = session

    def of_run(self, run_id: str) -> Side:
        """Give the metrics of each row by cell and row id, the repeats of a row averaged."""
        found, named = ByRow(self._repeat(run_id)), self._named(run_id)
        query = select(*_READ).where(_TRIALS.c.run_id == run_id)
        for number, cell, row_id, status, score, cost, latency in self._session.execute(query):
            own = built_in(status, score=score, cost=cost, latency=latency)
            found.count(cell, row_id, status, [*own, *named.get(number, ())])
        return found.side()

    def _named(self, run_id: str) -> dict[int, list[tuple[str, float]]]:
        """Give the mean score of each `metric:` by trial."""
        query = (
            select(_VERDICTS.c.trial_id, _VERDICTS.c.metric, func.avg(_VERDICTS.c.score))
            .join(_TRIALS, _TRIALS.c.id == _VERDICTS.c.trial_id)
            .where(_TRIALS.c.run_id == run_id, _TRIALS.c.status != "skipped")
            .where(_VERDICTS.c.metric.is_not(None), _VERDICTS.c.status != "skipped")
            .group_by(_VERDICTS.c.trial_id, _VERDICTS.c.metric)
        )
        named: dict[int, list[tuple[str, float]]] = defaultdict(list)
        for trial, metric, score in self._session.execute(query):
            named[trial].append((metric, score))
        return named

    def _repeat(self, run_id: str) -> "Repeat | None":
        """Give how many repeats of a row must pass; None where each counts by itself."""
        kept: Any = self._session.get_one(Run, run_id).made_with or {}
        if kept.get("measures", {}).get("repeat", {}).get("pass") is None:
            return None
        from promptlab.analysis.measures import MEASURES, measures_from  # noqa: PLC0415 - few runs say it

        return measures_from(kept[MEASURES]).repeat
