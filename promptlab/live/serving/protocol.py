"""HTTP/1.1 for strangers: a connection that does not say what it wants is closed."""

import asyncio

import h11
import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_SECONDS = 20.0
MOST_CONNECTIONS = 1_000
GRACE_SECONDS = 5


class HeadInTime(H11Protocol):
    """Closes a connection on which the head of a request does not come within 20 s."""

    head_seconds = HEAD_SECONDS
    _too_late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_waiting()
        elif self._too_late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._too_late = self.loop.call_later(self.head_seconds, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._too_late is not None:
            self._too_late.cancel()
            self._too_late = None


def server_config(app: FastAPI) -> uvicorn.Config:
    """Give how uvicorn serves: nothing logged of requests, no proxy trusted, the lifespan left to us."""
    return uvicorn.Config(
        app,
        http=HeadInTime,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
