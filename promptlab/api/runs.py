"""Runs: listed by pages, read, and as a report."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from promptlab.api.answers import answered, tagged
from promptlab.api.depends import LogDep, ProjectDep, SessionDep
from promptlab.core.errors import UsageError
from promptlab.core.registry import UnknownKind
from promptlab.core.suggest import did_you_mean
from promptlab.live.reporting import run_report, stored_summary
from promptlab.live.serving.asked_runs import AskedRuns
from promptlab.live.serving.etags import tag_of
from promptlab.reports import REPORTS
from promptlab.reports.base import Report
from promptlab.schemas.api.queries import RunQuery
from promptlab.schemas.api.runs import ListedRun, RunList, WholeRun
from promptlab.services.run_pages import RunPages

router = APIRouter(prefix="/runs", tags=["runs"])

MEDIA = {
    "junit": ("application/xml", "xml"),
    "markdown": ("text/markdown", "md"),
    "html": ("text/html", "html"),
    "json": ("application/json", "json"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "csv": ("text/csv", "csv"),
    "github": ("text/plain", "txt"),
}
NOT_MODIFIED: dict[int | str, dict[str, Any]] = {
    304: {"description": "As `If-None-Match` says, the client has it."}
}


@router.get("", response_model=RunList)
def list_runs(query: Annotated[RunQuery, Query()], session: SessionDep, log: LogDep) -> Response:
    """List runs, the newest first."""
    page = RunPages(session, is_running=log.is_running).page(
        query.filter, cursor=query.cursor, limit=query.limit
    )
    return answered(RunList(runs=[ListedRun.in_list(line) for line in page.runs], next=page.next))


@router.get("/{run}", response_model=WholeRun, responses=NOT_MODIFIED)
def read_run(run: str, request: Request, session: SessionDep, log: LogDep) -> Response:
    """Read a run by its id, a unique start of one, or `last`."""
    found = AskedRuns(session, is_running=log.is_running).run(run)
    return tagged(request, tag_of(request, found), lambda: WholeRun.whole(found))


@router.get(
    "/{run}/report",
    response_class=StreamingResponse,
    responses={200: {"content": {media: {} for media, _ in MEDIA.values()}, "description": "The report."}},
)
def report_run(
    run: str,
    session: SessionDep,
    log: LogDep,
    project: ProjectDep,
    kind: Annotated[str, Query(alias="format", max_length=40, examples=["markdown"])] = "json",
) -> Response:
    """Write a run as a report, to be saved."""
    report = _report(kind)
    found = AskedRuns(session, is_running=log.is_running).run(run)

    def pieces() -> Iterator[str]:
        with run_report(log, stored_summary(log, found), project.root) as source:
            for piece in report(source):
                yield piece.encode("utf-8", "replace").decode()

    media, suffix = MEDIA.get(kind, ("text/plain", "txt"))
    headers = {"Content-Disposition": f'attachment; filename="{found.id}.{suffix}"'}
    return StreamingResponse(pieces(), media_type=media, headers=headers)


def _report(kind: str) -> Report:
    try:
        return REPORTS.get(kind)
    except UnknownKind:
        hint = did_you_mean(kind, REPORTS.names()) or f"known: {', '.join(REPORTS.names())}"
        raise UsageError(f"format: there is no report '{kind}'", hint=hint) from None
