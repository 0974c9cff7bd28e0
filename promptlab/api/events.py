"""What happens to runs, as server-sent events."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.sse import EventSourceResponse, ServerSentEvent

from promptlab.live.hosting.channel import Told
from promptlab.live.hosting.depends import AllChannelDep, ChannelDep, LastEventId

router = APIRouter(tags=["events"])
A_DAY_MS = 24 * 60 * 60 * 1_000  # nothing more comes after the end: a browser need not ask again

Events = AsyncIterator[ServerSentEvent]


@router.get("/events", response_class=EventSourceResponse)
async def follow_runs(channel: AllChannelDep, last_event_id: LastEventId = None) -> Events:
    """Tell of all runs: `begun`, `moved` (how far one is), `ended`, `removed`.

    `reread`: more was told meanwhile than is kept.
    """
    async for told in channel.follow(last_event_id):
        yield _event(told)


@router.get("/runs/{run_id}/events", response_class=EventSourceResponse)  # noqa: FAST003 - of its channel
async def follow_run(channel: ChannelDep, last_event_id: LastEventId = None) -> Events:
    """Tell how far a run is, up to ten times a second, until it has `ended`; then the stream ends."""
    async for told in channel.follow(last_event_id):
        yield _event(told, retry=A_DAY_MS if told.kind == "ended" else None)


def _event(told: Told, *, retry: int | None = None) -> ServerSentEvent:
    return ServerSentEvent(raw_data=told.data, event=told.kind, id=told.id, retry=retry)
