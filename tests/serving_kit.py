"""The HTTP application as tests use it."""

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from promptlab.core.serving import ServerSettings
from promptlab.live.serving.protocol import HeadInTime, server_config
from promptlab.main import create_app

TOKEN = "a-token-for-tests"
PORT = 8321
ADDRESS = f"http://127.0.0.1:{PORT}"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def server_settings(root: Path, **settings: Any) -> ServerSettings:
    return ServerSettings(**{"root": root, "port": PORT, "token": SecretStr(TOKEN), **settings})


def signed_in(app: FastAPI) -> TestClient:
    """Give a client with the token in its header; used as a context, it starts and ends the application."""
    return TestClient(app, base_url=ADDRESS, headers=BEARER)


def stranger(app: FastAPI) -> TestClient:
    """Give a client that knows no token."""
    return TestClient(app, base_url=ADDRESS)


@dataclass(frozen=True, slots=True)
class Served:
    """A server on a port of loopback, in a thread of its own."""

    root: Path
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def said_to(self, request: bytes) -> bytes:
        """Send these bytes and give all that comes back until the server closes."""
        with self.connected() as wire:
            wire.sendall(request)
            return everything(wire)

    def head(self, line: str, *headers: str) -> bytes:
        """Give the head of a request with the token, which asks for the connection to be closed."""
        own = (f"Host: 127.0.0.1:{self.port}", f"Authorization: Bearer {TOKEN}", "Connection: close")
        return "\r\n".join((f"{line} HTTP/1.1", *own, *headers, "", "")).encode("latin-1")


def everything(wire: socket.socket) -> bytes:
    """Read until the other side closes, however it does."""
    read = bytearray()
    with suppress(ConnectionError):
        while chunk := wire.recv(65_536):
            read += chunk
    return bytes(read)


@contextmanager
def served(
    root: Path,
    *,
    http: type[HeadInTime] = HeadInTime,
    pages: Mapping[str, Callable[..., Any]] | None = None,
    **settings: Any,
) -> Iterator[Served]:
    """Serve the project at `root` by uvicorn, as `promptlab serve` does; `pages` are added to its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        app = create_app(server_settings(root, **{"port": port, "rate": 1e6, **settings}))
        for path, route in (pages or {}).items():
            app.add_api_route(path, route, response_model=None)
        config = server_config(app)
        config.http = http
        server = uvicorn.Server(config)
        thread = Thread(target=lambda: asyncio.run(_serve(app, server, listener)))
        thread.start()
        try:
            yield Served(root, port)
        finally:
            server.should_exit = True
            thread.join()


async def _serve(app: FastAPI, server: uvicorn.Server, listener: socket.socket) -> None:
    async with app.router.lifespan_context(app):
        await server.serve(sockets=[listener])
