"""How each metric of a pipeline went, run by run, as the runs' ends said it."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from promptlab.models import Run
from promptlab.schemas.log import RunRecord
from promptlab.schemas.pages import MetricPage, MetricPoint
from promptlab.schemas.report import MEASURED
from promptlab.services.cursors import cursor_of, key_of
from promptlab.services.runs import OF_PIPELINES, RunService

USUAL = ("pass_rate", "error_rate", "score", "cost_usd", "latency_ms", "latency_ms.p50", "latency_ms.p95")

type Values = Mapping[str, float | None]


class MetricHistory:
    """`is_running` says whether the process of a run that has not ended is alive."""

    def __init__(self, session: Session, *, is_running: Callable[[str], bool]) -> None:
        self._session = session
        self._runs = RunService(session, is_running=is_running)

    def knows(self, pipeline: str) -> bool:
        """Say whether a pipeline of this name was ever run."""
        return self._session.scalar(select(Run.id).where(Run.pipeline == pipeline).limit(1)) is not None

    def page(
        self,
        pipeline: str,
        *,
        metrics: Collection[str] = (),
        variants: Collection[str] = (),
        cursor: str | None = None,
        limit: int = 50,
    ) -> MetricPage:
        """Give the runs after a cursor; only these metrics, and of cells these variants or whole names.

        Reads what is kept with each run, never its trials. Raises UsageError where the cursor is broken.
        """
        before = key_of(cursor, str)[0] if cursor is not None else None
        found = self._runs.newest(pipeline=pipeline, before=before, limit=limit + 1, where=(OF_PIPELINES,))
        points = tuple(_narrowed(point_of(run), metrics, variants) for run in found[:limit])
        following = cursor_of(found[limit - 1].id) if len(found) > limit else None
        return MetricPage(points, _names(points), _cells(points), following)


def point_of(run: RunRecord) -> MetricPoint:
    """Give what a run measured, as its end said it, else as far as it came."""
    said: dict[str, Any] = dict(run.metrics)
    cells, measured = said.pop("cells", {}), said.pop(MEASURED, {})
    return MetricPoint(
        run=run,
        is_whole=bool(said),
        values=said or _counted(run),
        intervals=measured.get("intervals", {}),
        cells=cells,
        cell_intervals=measured.get("cell_intervals", {}),
    )


def _counted(run: RunRecord) -> Values:
    """Give what the counts of a run say that never came to its end."""
    judged = run.done - run.skipped
    return {
        "pass_rate": run.passed / judged if judged else None,
        "error_rate": run.errored / judged if judged else None,
        "cost_usd": run.cost_usd,
    }


def _narrowed(point: MetricPoint, metrics: Collection[str], variants: Collection[str]) -> MetricPoint:
    cells = [cell for cell in point.cells if not variants or _is_of(cell, variants)]
    return MetricPoint(
        run=point.run,
        is_whole=point.is_whole,
        values=_only(point.values, metrics),
        intervals=_only(point.intervals, metrics),
        cells={cell: _only(point.cells[cell], metrics) for cell in cells},
        cell_intervals={cell: _only(point.cell_intervals.get(cell, {}), metrics) for cell in cells},
    )


def _only[V](values: Mapping[str, V], names: Collection[str]) -> Mapping[str, V]:
    return {name: value for name, value in values.items() if not names or name in names}


def _is_of(cell: str, variants: Iterable[str]) -> bool:
    """Whether a cell goes by one of these names, or is one of these variants with axes."""
    return any(cell == variant or cell.startswith(f"{variant} ") for variant in variants)


def _names(points: Iterable[MetricPoint]) -> tuple[str, ...]:
    """Give the names of metrics, the usual ones first."""
    found = {name for point in points for values in (point.values, *point.cells.values()) for name in values}
    usual = [name for name in USUAL if name in found]
    return (*usual, *sorted(found.difference(usual)))


def _cells(points: Sequence[MetricPoint]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell for point in points for cell in point.cells))
