"""One client's connection: requests in, planned answers out, each journalled at both ends."""

import asyncio
import socket
import struct
from typing import TYPE_CHECKING, cast

from .delivery import deliver
from .faults import HOLD
from .journal import Journal, Outcome
from .wire import Reply, Request, RequestError, take_request

if TYPE_CHECKING:
    from .composer import Plan
    from .faults import Ending
    from .server import FakeServer

_LINGER_NOT = struct.pack("ii", 1, 0)


class Exchange:
    """A request that is being answered; its end is journalled once."""

    def __init__(self, number: int, plan: "Plan", journal: Journal, *, keep_alive: bool) -> None:
        self.plan = plan
        self.keep_alive = keep_alive and plan.reply.framing != "close"
        self.size = 0
        self._number = number
        self._journal = journal

    def end(self, outcome: Outcome) -> None:
        status = self.plan.reply.status if self.size else None
        self._journal.answer(self._number, status=status, size=self.size, outcome=outcome)


class Connection(asyncio.Protocol):
    """Answers one request at a time; those that come meanwhile wait in the buffer."""

    def __init__(self, server: "FakeServer", number: int) -> None:
        self.number = number
        self.controls = False
        self._server = server
        self._buffer = bytearray()
        self._exchange: Exchange | None = None
        self._pending: asyncio.TimerHandle | asyncio.Task[None] | None = None
        self._controlling: asyncio.Task[None] | None = None
        self._drained = asyncio.Event()
        self._drained.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(0)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - as asyncio calls it
        self._server.connections.discard(self)
        self._end("aborted")

    def pause_writing(self) -> None:
        self._drained.clear()

    def resume_writing(self) -> None:
        self._drained.set()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._advance()

    @property
    def idle(self) -> bool:
        return self._exchange is None

    @property
    def reading(self) -> socket.socket | None:
        """The socket that requests come from, until it is to be closed."""
        return None if self._transport.is_closing() else self._socket

    @property
    def _socket(self) -> socket.socket:
        peer: socket.socket = self._transport.get_extra_info("socket")
        return peer

    def drop(self) -> None:
        """Break the connection; what was being answered is journalled as aborted."""
        self._end("aborted")
        self._transport.abort()

    def write(self, data: bytes) -> None:
        if self._exchange and not self._transport.is_closing():
            self._exchange.size += len(data)
            self._transport.write(data)

    def _advance(self) -> None:
        try:
            while self._exchange is None and not self._transport.is_closing():
                request = take_request(self._buffer)
                if request is None:
                    return
                self._begin(request)
        except RequestError as error:
            reply = Reply(
                status=400, content_type="text/plain", parts=(str(error).encode(),), framing="close"
            )
            self._transport.write(reply.head() + reply.body())
            self._transport.close()

    def _begin(self, request: Request) -> None:
        if request.path.startswith("/_"):
            self.controls = True
            self._controlling = asyncio.get_running_loop().create_task(self._control(request))
            return
        self._exchange = self._server.open_exchange(request, self.number)
        plan = self._exchange.plan
        if plan.fault == HOLD:
            self._server.held.append(self)
        elif plan.delay:
            self._pending = asyncio.get_running_loop().call_later(plan.delay, self.answer_late)
        else:
            self._answer()

    async def _control(self, request: Request) -> None:
        await self._server.drain()
        reply = self._server.control(request)
        self._transport.write(reply.head() + reply.body())

    def answer_late(self) -> None:
        """Answer what has waited; what came meanwhile is next."""
        self._answer()
        self._advance()

    def _answer(self) -> None:
        if self._exchange is None:
            return
        plan = self._exchange.plan
        if plan.delivery is None and not (plan.reply.streamed and self._server.options.event_ms):
            self.write(plan.reply.head() + plan.reply.body())
            if self._drained.is_set():
                self._finish()
                return
        self._pending = asyncio.get_running_loop().create_task(self._deliver(plan))

    async def _deliver(self, plan: "Plan") -> None:
        ending: Ending = "sent"
        if not (self._exchange and self._exchange.size):
            ending = await deliver(plan, self.write, self._server.options.event_ms / 1000)
        if ending == "sent":
            await self._drained.wait()
            self._finish()
            self._advance()
        else:
            self._break_off(ending)

    def _finish(self) -> None:
        """The whole answer is with the kernel."""
        exchange = self._exchange
        self._pending = None
        self._end("sent")
        if exchange and not (exchange.keep_alive and self._server.listening):
            self._transport.close()

    def _break_off(self, ending: "Ending") -> None:
        self._pending = None
        if ending == "hang":
            return
        if ending == "refuse" and self._exchange and self._exchange.plan.rule:
            self._server.refuse(self._exchange.plan.rule.seconds)
        self._end("aborted")
        if ending == "close":
            self._transport.close()
        else:
            self._reset()

    def _reset(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def _end(self, outcome: Outcome) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        if self._exchange is not None:
            exchange, self._exchange = self._exchange, None
            exchange.end(outcome)
