"""The server: a listening socket that can be closed and opened again, and what its connections share."""

import asyncio
import json
import select
import socket
from pathlib import Path
from types import TracebackType
from typing import Self

from .composer import Plan, compose
from .connection import Connection, Exchange
from .control import answer_control
from .conversation import Rejected
from .journal import Journal, usage_facts
from .openai_chat import OpenAIChat
from .options import Options
from .script import Script
from .wire import JsonObject, Reply, Request

_BACKLOG = 1024
_PASSES = 5  # of the loop, from a connection that is accepted to its first bytes
_MOST_PASSES = 1000  # where more comes all the time
_HOST = "127.0.0.1"


class FakeServer:
    """Serves while it is entered: `async with FakeServer(journal=path) as server: server.url`."""

    def __init__(
        self,
        options: Options | None = None,
        *,
        script: Script | None = None,
        journal: Path | None = None,
        port: int = 0,
    ) -> None:
        self.options = options or Options()
        self.script = script or Script()
        self.connections: set[Connection] = set()
        self.held: list[Connection] = []
        self.journal = Journal(journal, secret=self.options.api_key)
        self._holder = _bound_socket(port)
        self._listener: asyncio.Server | None = None
        self._reopening: asyncio.TimerHandle | None = None
        self._accepted = 0

    @property
    def port(self) -> int:
        port: int = self._holder.getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    @property
    def listening(self) -> bool:
        return self._listener is not None

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse(None)
        for connection in list(self.connections):
            connection.drop()
        self._holder.close()
        self.journal.close()
        await asyncio.sleep(0)

    def open_exchange(self, request: Request, connection: int) -> Exchange:
        """Plan the answer to a request and journal that it has come."""
        plan = self._plan(request)
        number = self.journal.request(
            request,
            connection=connection,
            key=plan.key,
            fault=plan.fault,
            usage=usage_facts(plan.reply.usage),
        )
        return Exchange(number, plan, self.journal, keep_alive=request.keep_alive)

    async def drain(self) -> None:
        """Read what has come by now, be it from clients that are gone."""
        quiet = 0
        for _ in range(_MOST_PASSES):
            await asyncio.sleep(0)
            quiet = 0 if self._has_unread() else quiet + 1
            if quiet == _PASSES:
                return

    def follow(self, script: Script) -> None:
        """Replace the script, and answer what the one before held back."""
        self.script = script
        held, self.held = self.held, []
        for connection in held:
            connection.answer_late()

    def control(self, request: Request) -> Reply:
        return answer_control(self, request)

    def configure(self, changes: JsonObject) -> None:
        """Replace some options; raises ValueError where one is not known."""
        self.options = self.options.changed(changes)
        self.journal.secret = self.options.api_key

    def refuse(self, seconds: float | None) -> None:
        """Close the listening socket, and idle connections, for so many seconds (None: for good)."""
        if self._reopening:
            self._reopening.cancel()
            self._reopening = None
        if self._listener:
            self._listener.close()
            self._listener = None
        for connection in list(self.connections):
            if connection.idle and not connection.controls:
                connection.drop()
        if seconds is not None:
            self._reopening = asyncio.get_running_loop().call_later(seconds, self.reopen)

    def reopen(self) -> None:
        if self._reopening:
            self._reopening.cancel()
            self._reopening = None
        if self._listener is None:
            self._task = asyncio.get_running_loop().create_task(self._listen())

    def renew(self, journal: Path | None) -> None:
        """Begin a new section: default options, no script, a new journal, no old connection."""
        for connection in list(self.connections):
            if not connection.controls:
                connection.drop()
        self.reopen()
        self.options, self.script, self.held = Options(), Script(), []
        self.write_journal(journal)

    def write_journal(self, path: Path | None) -> None:
        """Number and journal from 1 in another file; None only counts."""
        self.journal.close()
        self.journal = Journal(path, secret=self.options.api_key)

    def _has_unread(self) -> bool:
        sockets = self._listener.sockets if self._listener else ()
        poll = select.poll()
        for one in (*sockets, *(connection.reading for connection in self.connections)):
            if one is not None:
                poll.register(one, select.POLLIN)
        return bool(poll.poll(0))

    def _plan(self, request: Request) -> Plan:
        number, in_flight = self.journal.requests + 1, self.journal.in_flight
        try:
            return compose(
                request, number=number, in_flight=in_flight, options=self.options, script=self.script
            )
        except Exception as bug:  # noqa: BLE001 - the journal must hold every request, whatever happens
            error = OpenAIChat().error(Rejected(500, f"the fake provider failed: {bug!r}"))
            return Plan(Reply(status=500, parts=(json.dumps(error).encode(),)), "unchecked")

    async def _listen(self) -> None:
        if self._listener is None:
            listening = _bound_socket(self.port)
            loop = asyncio.get_running_loop()
            self._listener = await loop.create_server(self._connected, sock=listening, backlog=_BACKLOG)

    def _connected(self) -> Connection:
        self._accepted += 1
        return Connection(self, self._accepted)


def _bound_socket(port: int) -> socket.socket:
    """Bind, so that a second socket may too: the first keeps the port while the listening one is closed."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind((_HOST, port))
    return bound
