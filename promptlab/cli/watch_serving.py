"""`watch --serve`: the page beside a watch, from its address to its end."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import field
from socket import socket

import click

from promptlab.cli.listening import OPEN_WARNING, address, fragment, listener
from promptlab.cli.page_process import PageProcess
from promptlab.cli.watch_page import PageView
from promptlab.core.frozen import slotted
from promptlab.core.serving import ServerSettings, settle_server
from promptlab.live.watching.watch import Watch
from promptlab.loader.project import Project

ENDED = "the page has ended; the watch goes on without it"


@slotted
class ServedPage:
    """A page beside a watch: its address is known at once. `is_capped`: what it starts may not spend."""

    settings: ServerSettings
    listening: socket
    is_capped: bool
    view: PageView = field(init=False)
    _process: PageProcess = field(init=False)
    _watched: Watch | None = None

    def __post_init__(self) -> None:
        process = PageProcess(self.settings, self.listening, self.is_capped, self._order, self._ended)
        self._process, self.view = process, PageView(process.tell)

    @asynccontextmanager
    async def beside(self, watched: Watch) -> AsyncIterator[None]:
        """Serve it for as long as the watch goes on."""
        self._watched = watched
        running = asyncio.create_task(self._process.run())
        try:
            yield
        finally:
            self.view.close()
            await self._process.end(running)

    def _order(self, deed: str) -> None:
        watched = self._watched
        if watched is None or watched.ending.code is not None:
            return
        match deed:
            case "all" | "failed":
                watched.wish(deed)
            case "pause" | "go_on":
                watched.pause(wanted=deed == "pause")
            case _:
                pass

    def _ended(self) -> None:
        if self._watched is not None:
            self._watched.view.note(ENDED)


def served_page(project: Project, flags: Mapping[str, object], *, max_cost: float | None) -> ServedPage:
    """Listen, and print on stderr the address that signs in; raises UsageError."""
    asked = settle_server(project.settings.environment, root=project.root, flags=flags)
    is_told = "token" not in asked.model_fields_set or sys.stderr.isatty()
    listening = listener(asked.host, asked.port)
    settings = asked.model_copy(update={"port": listening.getsockname()[1]})
    click.echo(f"{address(settings)}watch{fragment(settings, is_told=is_told)}", err=True)
    if not is_told:
        click.echo("sign in with the token that you set", err=True)
    if not settings.is_loopback:
        click.echo(OPEN_WARNING, err=True)
    return ServedPage(settings, listening, is_capped=max_cost is not None and settings.max_cost is None)
