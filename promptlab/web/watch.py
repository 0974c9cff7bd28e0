"""The turns of the watch that the server stands beside, or how to start one."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from promptlab.live.watched.depends import START, AnyWatchDep
from promptlab.live.watched.session import MOST_TURNS
from promptlab.schemas.api.watch import TurnQuery
from promptlab.web.links import changed
from promptlab.web.pages import page
from promptlab.web.texts import TEXTS

router = APIRouter()

CAUSES = {
    "start": "the start",
    "saved": "saved",
    "all": "all again",
    "failed": "what failed",
    "raised": "the ceiling was raised",
}
NOTES = 3


@router.get("/watch")
async def show_watch(
    watched: AnyWatchDep, query: Annotated[TurnQuery, Query()], request: Request
) -> Response:
    if watched is None:
        return page(request, "no_watch.html.j2", start=START)
    found = watched.older(query.before, query.limit + 1)
    turns = found[: query.limit]
    return page(
        request,
        "watch.html.j2",
        watched=watched,
        turns=turns,
        notes=[*watched.notes][:NOTES],
        causes=CAUSES,
        most=MOST_TURNS,
        following=changed(request, before=str(turns[-1]["turn"])) if len(found) > query.limit else None,
        first=changed(request, before=None) if query.before is not None else None,
        clock=_clock,
        **TEXTS,
    )


def _clock(moment: str) -> str:
    """Give the time of day here."""
    return f"{datetime.fromisoformat(moment).astimezone():%H:%M:%S}"
