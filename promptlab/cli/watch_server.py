"""`python -m promptlab.cli.watch_server`: the page beside a watch, which tells it over stdin what happens.

The first line says where to serve, and how; what its buttons ask for goes to stdout. The end of stdin, which
comes however the watch ended, is its own.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from io import FileIO
from typing import Any

from fastapi import FastAPI

from promptlab.cli.server_faults import faults_told
from promptlab.cli.serving import APPLICATION, Server, share_time
from promptlab.core.serving import ServerSettings
from promptlab.live.hosting.outlet import Outlet
from promptlab.live.watched.session import WatchedSession

LONGEST_LINE = 16 << 20
CAPPED = "the --max-cost of this watch is for its turns alone"
CAPPED_HINT = "PROMPTLAB_MAX_COST says what else may be spent from its page"


def main() -> int:
    """Serve until the watch has ended."""
    outlet, told = Outlet.of_stdout(), FileIO(os.dup(0))
    beginning = json.loads(told.readline())
    app = import_module(APPLICATION).create_app(ServerSettings.model_validate(beginning["settings"]))
    app.state.watched = WatchedSession(lambda deed: outlet.tell("order", do=deed))
    share_time()
    with socket.socket(fileno=beginning["listener"]) as listener, faults_told():
        asyncio.run(_serve(app, listener, told, beginning))
    return 0


async def _serve(app: FastAPI, listener: socket.socket, told: FileIO, beginning: Mapping[str, Any]) -> None:
    watched: WatchedSession = app.state.watched
    server = Server(app, lambda: None)
    async with app.router.lifespan_context(app):
        if beginning["is_capped"]:
            app.state.host.spend_nothing(CAPPED, hint=CAPPED_HINT)
        hearing = asyncio.create_task(_hear(told, watched, server))
        await server.serve(sockets=[listener])
        hearing.cancel()


async def _hear(told: FileIO, watched: WatchedSession, server: Server) -> None:
    """Take what the watch tells until it ends."""
    lines = asyncio.StreamReader(limit=LONGEST_LINE)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), told)
    async for line in lines:
        if line.endswith(b"\n"):  # else it was killed in the middle of it
            watched.hear(json.loads(line))
    watched.close()
    server.should_exit = True


if __name__ == "__main__":
    with suppress(BrokenPipeError):
        sys.exit(main())
