"""The list of runs."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.live.serving.depends import LogDep, SessionDep
from promptlab.schemas.api.queries import RunQuery
from promptlab.services.run_pages import RunPages
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter()

STATUSES = ("running", "passed", "failed", "errored", "limited", "interrupted")


@router.get("/runs")
def list_runs(
    query: Annotated[RunQuery, Query()], request: Request, session: SessionDep, log: LogDep
) -> Response:
    runs = RunPages(session, is_running=log.is_running)
    found = runs.page(query.filter, cursor=query.cursor, limit=query.limit)
    return page(
        request,
        "runs.html.j2",
        found=found,
        query=query,
        pipelines=runs.pipelines(),
        users=runs.users(),
        statuses=STATUSES,
        here=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        following=changed(request, cursor=found.next) if found.next else None,
        first=changed(request) if query.cursor else None,
        **TEXTS,
    )
