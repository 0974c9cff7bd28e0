"""The watch that the server stands beside: its turns, what happens, and what its keys do."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query, status
from fastapi.sse import EventSourceResponse, ServerSentEvent

from promptlab.live.hosting.depends import LastEventId
from promptlab.live.watched.depends import WatchDep
from promptlab.live.watched.session import MOST_TURNS
from promptlab.schemas.api.watch import TurnQuery, WatchOrder, WatchStatus, WatchTurn, WatchTurns

router = APIRouter(prefix="/watch", tags=["watch"])


@router.get("/turns")
async def list_turns(watched: WatchDep, query: Annotated[TurnQuery, Query()]) -> WatchTurns:
    """List the turns of the watch that are kept, the newest first."""
    found = watched.older(query.before, query.limit + 1)
    turns = [WatchTurn.model_validate(turn) for turn in found[: query.limit]]
    return WatchTurns(
        status=WatchStatus.model_validate(watched.status),
        turns=turns,
        next=turns[-1].turn if len(found) > query.limit else None,
        kept=MOST_TURNS,
    )


@router.post("/orders", status_code=status.HTTP_202_ACCEPTED)
async def order_watch(order: WatchOrder, watched: WatchDep) -> WatchStatus:
    """Do what a key does, within the ceiling of the watch; gives how it stood before."""
    watched.order(order.do)
    return WatchStatus.model_validate(watched.status)


@router.get("/events", response_class=EventSourceResponse)
async def follow_watch(
    watched: WatchDep, last_event_id: LastEventId = None
) -> AsyncIterator[ServerSentEvent]:
    """Tell of the watch: `stands`, `began` (a turn), `moved` (its run), `turn` (it ended), `note`.

    `reread`: more was told meanwhile than is kept.
    """
    async for told in watched.channel.follow(last_event_id):
        yield ServerSentEvent(raw_data=told.data, event=told.kind, id=told.id)
