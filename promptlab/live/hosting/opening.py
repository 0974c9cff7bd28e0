"""The runs of a server, from its start to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from promptlab.live.hosting.host import RunHost
from promptlab.live.serving.opened import Opened


@asynccontextmanager
async def hosting(opened: Opened) -> AsyncIterator[RunHost]:
    """Give what starts runs; those that died with a server before this one are said to be interrupted."""
    settings = opened.settings
    host = RunHost(opened.project, opened.log, most=settings.max_runs, max_cost=settings.max_cost)
    await asyncio.to_thread(host.records.bury_dead)
    try:
        yield host
    finally:
        await host.close()
