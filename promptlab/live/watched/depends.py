"""What routes ask for that show a watch."""

from typing import Annotated

from fastapi import Depends, Request

from promptlab.core.errors import NotFound
from promptlab.live.watched.session import WatchedSession

START = "promptlab watch --serve"


async def find_watch(request: Request) -> WatchedSession | None:
    """Give the watch that this server stands beside, if it does."""
    found: WatchedSession | None = getattr(request.app.state, "watched", None)
    return found


async def get_watch(found: Annotated[WatchedSession | None, Depends(find_watch)]) -> WatchedSession:
    """Give it; raises NotFound where there is none."""
    if found is None:
        raise NotFound("no watch belongs to this server", hint=f"`{START}` starts one with its page")
    return found


type AnyWatchDep = Annotated[WatchedSession | None, Depends(find_watch)]
type WatchDep = Annotated[WatchedSession, Depends(get_watch)]
