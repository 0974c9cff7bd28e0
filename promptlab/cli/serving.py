"""A server of a project, from its first word in the terminal to its last."""

import asyncio
import errno
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

from promptlab.cli.server_faults import faults_told
from promptlab.core.errors import UsageError
from promptlab.core.json import plain
from promptlab.core.serving import ServerSettings, settle_server
from promptlab.live.serving.protocol import server_config
from promptlab.loader.project import Project

APPLICATION = "promptlab.main"  # it stands above the commands
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ENDED_BY = 128
BACKLOG = 128
OPEN_WARNING = "warning: others in the network can reach this, and read along: it is not encrypted"


def serve(project: Project, flags: Mapping[str, object], *, as_json: bool) -> int:
    """Serve until somebody ends it; give the exit code; raises UsageError."""
    asked = settle_server(project.settings.environment, root=project.root, flags=flags)
    is_own_token = "token" in asked.model_fields_set
    with _listener(asked.host, asked.port) as listener:
        settings = asked.model_copy(update={"port": listener.getsockname()[1]})
        announce = (_json if as_json else _words)(settings, is_own_token=is_own_token)
        app = import_module(APPLICATION).create_app(settings)
        with faults_told():
            return asyncio.run(_serve(app, listener, announce))


async def _serve(app: FastAPI, listener: socket.socket, announce: Callable[[], None]) -> int:
    server = _Server(app, announce)
    async with app.router.lifespan_context(app):
        await server.serve(sockets=[listener])
    return ENDED_BY + server.ended_by if server.ended_by else 0


class _Server(uvicorn.Server):
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


def _listener(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError):
        raise UsageError(
            f"--host: there is no address '{host}'", hint="say 127.0.0.1, or leave it out"
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from None
    return listener


def _unusable(host: str, port: int, error: OSError) -> UsageError:
    hint = "say another --port; --port 0 takes a free one"
    if error.errno == errno.EADDRINUSE:
        return UsageError(f"port {port} of {host} is in use", hint=hint)
    return UsageError(f"cannot listen at port {port} of {host}: {(error.strerror or '').lower()}", hint=hint)


def _json(settings: ServerSettings, *, is_own_token: bool) -> Callable[[], None]:
    """Print address and token as JSON; whoever set the token knows it."""
    token = None if is_own_token else settings.token.get_secret_value()
    return lambda: _print(plain({"schema_version": 1, "url": _address(settings), "token": token}))


def _words(settings: ServerSettings, *, is_own_token: bool) -> Callable[[], None]:
    """Print the address that signs in; a token that somebody set goes to no file or pipe."""
    is_told = not is_own_token or sys.stdout.isatty()
    fragment = f"#token={settings.token.get_secret_value()}" if is_told else ""

    def announce() -> None:
        _print(f"{_address(settings)}{fragment}")
        click.echo(f"serving {settings.root}; Ctrl-C ends it", err=True)
        if not is_told:
            click.echo("sign in with the token that you set", err=True)
        if not settings.is_loopback:
            click.echo(OPEN_WARNING, err=True)

    return announce


def _address(settings: ServerSettings) -> str:
    return f"http://{settings.shown_host}:{settings.port}/"


def _print(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()
