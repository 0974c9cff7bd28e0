"""Stored runs as sides of a comparison."""

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from promptlab.analysis.comparison import ComparedSide
from promptlab.core.words import plural
from promptlab.live.comparing import Compared
from promptlab.schemas.compared import TrialName
from promptlab.schemas.log import RunRecord
from promptlab.schemas.run import TrialResult
from promptlab.services.ended_trials import EndedTrialService
from promptlab.services.row_metrics import RowMetricsService
from promptlab.services.runs import RunService

if TYPE_CHECKING:
    from promptlab.loader.check_changes import CheckSources

COMMIT = 10


def stored_side(session: Session, runs: RunService, run: RunRecord) -> Compared:
    """Give a run of the log as a side; what it was made from is read when it is asked for."""
    trials = EndedTrialService(session)
    ended = trials.of_run(run.id)

    def whole(names: Collection[TrialName]) -> Mapping[TrialName, TrialResult]:
        return trials.whole([ended[name] for name in names])

    return Compared(
        side=ComparedSide(title=_title(run), facts=_facts(run), notes=tuple(_notes(run))),
        read_rows=lambda: RowMetricsService(session).of_run(run.id),
        ended=ended,
        whole=whole,
        sources=lambda: _sources(runs, run),
    )


def _sources(runs: RunService, run: RunRecord) -> "CheckSources | None":
    if run.path is None:
        return None
    from promptlab.loader.changes import Changes  # noqa: PLC0415 - a comparison begins without
    from promptlab.loader.check_changes import CheckSources  # noqa: PLC0415

    options: Mapping[str, Any] = run.options
    sets = tuple((path, text) for path, text in options.get("sets") or ())
    return CheckSources(runs.files(run.id), run.path, Changes(sets=sets))


def _title(run: RunRecord) -> str:
    commit = f"commit {run.git_commit[:COMMIT]}" if run.git_commit else ""
    changed = " and changes" if commit and run.git_dirty else ""
    when = f"{run.started_at.astimezone():%Y-%m-%d %H:%M:%S}"
    parts = [f"run {run.id}", run.path or run.pipeline, when, f"{commit}{changed}", run.note or ""]
    return " · ".join(part for part in parts if part)


def _facts(run: RunRecord) -> dict[str, Any]:
    return {
        "run_id": run.id,
        "pipeline": run.pipeline,
        "path": run.path,
        "started_at": run.started_at.isoformat(),
        "status": run.status,
        "git_commit": run.git_commit,
        "git_dirty": run.git_dirty,
        "note": run.note,
        "cost_usd": run.cost_usd,
        "spent_usd": run.spent_usd,
        "seconds": run.seconds,
    }


def _notes(run: RunRecord) -> Iterator[str]:
    if run.status == "running":
        yield "it is still running"
    left = run.planned - run.done
    if left > 0:
        yield f"{plural(left, 'trial')} of {run.planned:,} did not end"
    if run.errored:
        yield f"{plural(run.errored, 'trial')} errored, which count as 0 in what checks say"
