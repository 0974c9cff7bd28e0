"""A server of a project, from its first word in the terminal to its last."""

import asyncio
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from threading import Thread

import click
import uvicorn
from fastapi import FastAPI

from promptlab.cli.listening import OPEN_WARNING, address, fragment, listener
from promptlab.cli.server_faults import faults_told
from promptlab.core.collector import tune_garbage_collection
from promptlab.core.json import plain
from promptlab.core.serving import ServerSettings, settle_server
from promptlab.live.serving.protocol import server_config
from promptlab.loader.project import Project

APPLICATION = "promptlab.main"  # it stands above the commands
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDED_BY = 128
SWITCH_SECONDS = 0.001  # a fifth of Python's own: requests wait for a few turns, plans for thousands


def serve(project: Project, flags: Mapping[str, object], *, as_json: bool) -> int:
    """Serve until somebody ends it; give the exit code; raises UsageError."""
    asked = settle_server(project.settings.environment, root=project.root, flags=flags)
    is_own_token = "token" in asked.model_fields_set
    with listener(asked.host, asked.port) as listening:
        settings = asked.model_copy(update={"port": listening.getsockname()[1]})
        announce = (_json if as_json else _words)(settings, is_own_token=is_own_token)
        app = import_module(APPLICATION).create_app(settings)
        share_time()
        with faults_told():
            return asyncio.run(_serve(app, listening, announce))


def share_time() -> None:
    """Let no thread that computes keep the others waiting for long."""
    sys.setswitchinterval(SWITCH_SECONDS)
    tune_garbage_collection()


async def _serve(app: FastAPI, listening: socket.socket, announce: Callable[[], None]) -> int:
    server = Server(app, announce)
    async with app.router.lifespan_context(app):
        await server.serve(sockets=[listening])
    return ENDED_BY + server.ended_by if server.ended_by else 0


class Server(uvicorn.Server):
    """Says when it can be asked, and what ended it."""

    def __init__(self, app: FastAPI, announce: Callable[[], None]) -> None:
        super().__init__(server_config(app))
        self.app = app
        self.announce = announce
        self.ended_by = 0

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.announce()
        Thread(target=self.app.state.warm_up, daemon=True).start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.app.state.host.leave()  # else who follows a run would be waited for
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        with suppress(NotImplementedError):  # Windows has Ctrl-C alone
            for number in SIGNALS:
                loop.add_signal_handler(number, self._end, number)
        try:
            yield
        finally:
            with suppress(NotImplementedError):
                for number in SIGNALS:
                    loop.remove_signal_handler(number)

    def _end(self, number: int) -> None:
        self.ended_by = self.ended_by or number
        self.handle_exit(number, None)


def _json(settings: ServerSettings, *, is_own_token: bool) -> Callable[[], None]:
    """Print address and token as JSON; whoever set the token knows it."""
    token = None if is_own_token else settings.token.get_secret_value()
    return lambda: _print(plain({"schema_version": 1, "url": address(settings), "token": token}))


def _words(settings: ServerSettings, *, is_own_token: bool) -> Callable[[], None]:
    """Print the address that signs in; a token that somebody set goes to no file or pipe."""
    is_told = not is_own_token or sys.stdout.isatty()

    def announce() -> None:
        _print(f"{address(settings)}{fragment(settings, is_told=is_told)}")
        click.echo(f"serving {settings.root}; Ctrl-C ends it", err=True)
        if not is_told:
            click.echo("sign in with the token that you set", err=True)
        if not settings.is_loopback:
            click.echo(OPEN_WARNING, err=True)

    return announce


def _print(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
