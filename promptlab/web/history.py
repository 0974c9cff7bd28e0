"""How the metrics of a pipeline went, run by run, and what changed in its files between two of them."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from promptlab.analysis.line_diff import hunks_between
from promptlab.core.errors import NotFound
from promptlab.core.frozen import frozen
from promptlab.live.serving.depends import LogDep, ProjectDep, SessionDep
from promptlab.live.serving.logged_pipelines import logged_pipeline
from promptlab.loader.source_text import SourceText
from promptlab.schemas.api.page_queries import HistoryView
from promptlab.schemas.log import FileKind
from promptlab.schemas.pages import MetricPage, MetricPoint
from promptlab.services.changed_files import ChangedFile, ChangedFiles
from promptlab.services.metric_history import MetricHistory, point_of
from promptlab.services.runs import RunService
from promptlab.web.diffs import DiffView, diff_view
from promptlab.web.links import changed
from promptlab.web.metric_texts import WHOLE, moved_metrics, value_of, value_text
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter(prefix="/pipelines/{name}/history")

RUNS = 50  # on a page
MOST_CELLS = 5  # beside all of them together
MOST_FILES = 20
MOST_LINES = 300  # that differ, in all files


@frozen(kw_only=True)
class FileDiff:
    """`view` None: the file is not shown, or there is no text in it."""

    path: str
    kind: FileKind
    what: str
    view: DiffView | None


@router.get("")
def show_history(
    name: str,
    query: Annotated[HistoryView, Query()],
    request: Request,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
) -> Response:
    history = MetricHistory(session, is_running=log.is_running)
    pipeline = logged_pipeline(name, history, project)
    found = history.page(pipeline, cursor=query.cursor, limit=RUNS)
    cells, metric = _cells(found.cells, query.variant), _metric(found.metrics, query.metric)
    two = _two(RunService(session, is_running=log.is_running), query, pipeline)
    return page(
        request,
        "history.html.j2",
        name=pipeline,
        here=f"/pipelines/{quote(name)}",
        query=query,
        found=found,
        metric=metric,
        cells=cells,
        chart=_chart(found.points, cells, metric, query),
        two=two,
        compared=_compared(session, two, found, cells) if two else None,
        other_view=changed(request, view="unified" if query.view == "split" else "split"),
        following=changed(request, cursor=found.next) if found.next else None,
        first=changed(request) if query.cursor else None,
        value_of=value_of,
        value_text=value_text,
        **TEXTS,
    )


def _cells(cells: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Give what has a line and a column: the cells that are asked for, and all together."""
    chosen = [cell for cell in cells if not wanted or cell in wanted or cell.partition(" ")[0] in wanted]
    shown = chosen[:MOST_CELLS]
    return shown if len(cells) == 1 and shown else [WHOLE, *shown]


def _metric(known: Sequence[str], wanted: str | None) -> str:
    return wanted if wanted is not None and wanted in known else next(iter(known), "pass_rate")


def _two(runs: RunService, query: HistoryView, pipeline: str) -> tuple[MetricPoint, MetricPoint] | None:
    """Give the two runs that were picked, the earlier one first."""
    if query.before is None or query.after is None:
        return None
    found = [runs.find(one) for one in (query.before, query.after)]
    for run in found:
        if run.pipeline != pipeline:
            raise NotFound(f"{run.id} is no run of {pipeline}")
    before, after = sorted((point_of(run) for run in found), key=lambda point: point.run.id)
    return before, after


def _chart(
    points: Sequence[MetricPoint], cells: Sequence[str], metric: str, query: HistoryView
) -> dict[str, Any]:
    """Give what is drawn, the oldest run first."""
    runs = points[::-1]
    return {
        "runs": [point.run.id for point in runs],
        "commits": [
            (point.run.git_commit or "")[:7] + ("+" if point.run.git_dirty else "") for point in runs
        ],
        "series": {cell: [value_of(point, cell, metric) for point in runs] for cell in cells},
        "picked": [query.before, query.after],
    }


def _compared(
    session: Session, two: tuple[MetricPoint, MetricPoint], found: MetricPage, cells: Sequence[str]
) -> dict[str, Any]:
    before, after = two
    files, more = ChangedFiles(session).between(before.run.id, after.run.id, most=MOST_FILES)
    return {
        "metrics": list(moved_metrics(before, after, found.metrics, cells)),
        "files": list(_diffs(files)),
        "more": more,
    }


def _diffs(files: Sequence[ChangedFile]) -> Iterator[FileDiff]:
    room = MOST_LINES
    for file in files:
        what = "added" if file.before is None else "gone" if file.after is None else "changed"
        view = None
        if file.kind != "data" and room > 0:
            texts = (_text(file.path, content) for content in (file.before, file.after))
            view = diff_view(hunks_between(*texts), most=room)
            room -= sum(len(block.rows) for block in view.blocks)
        yield FileDiff(path=file.path, kind=file.kind, what=what, view=view)


def _text(path: str, content: bytes | None) -> str:
    """Give a file as it was, without what looks like a secret."""
    return SourceText(path, (content or b"").decode("utf-8", "replace")).without_secrets()
