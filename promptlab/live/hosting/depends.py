"""What routes ask for that start runs, or follow them."""

from typing import Annotated

from fastapi import Depends, Header, Path, Request

from promptlab.live.hosting.channel import Channel
from promptlab.live.hosting.host import RunHost

RUN_ID = r"^[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$"

type RunId = Annotated[str, Path(pattern=RUN_ID, description="The whole id of a run.")]
type LastEventId = Annotated[str | None, Header(max_length=100, description="What was heard last.")]
type IdempotencyKey = Annotated[
    str | None, Header(min_length=1, max_length=255, description="Under one key, one run begins.")
]


async def get_host(request: Request) -> RunHost:
    """Give what starts runs; the application's lifespan put it there."""
    host: RunHost = request.app.state.host
    return host


type HostDep = Annotated[RunHost, Depends(get_host)]


async def channel_of(run_id: RunId, host: HostDep) -> Channel:
    """Give what tells of a run; raises NotFound before anything is streamed."""
    return await host.broadcast.follow(run_id)


async def channel_of_all(host: HostDep) -> Channel:
    return host.broadcast.follow_all()


type ChannelDep = Annotated[Channel, Depends(channel_of)]
type AllChannelDep = Annotated[Channel, Depends(channel_of_all)]
