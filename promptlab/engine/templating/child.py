"""The parent's end of one template process: bytes in and out, its start, and its death."""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from promptlab.engine.templating.frames import command, environment

CLOSING_SECONDS = 1.0


class Child(asyncio.SubprocessProtocol):
    """A process that was started, its answers cut into lines, and how many renders it began."""

    def __init__(
        self, on_lines: Callable[["Child", list[bytes]], None], on_end: Callable[["Child"], None]
    ) -> None:
        self._on_lines = on_lines
        self._on_end = on_end
        self._rest: list[bytes] = []
        self._progress, self._progress_in = os.pipe()
        os.set_blocking(self._progress, False)
        self._begun = 0
        self._noise = b""
        self._transport: asyncio.SubprocessTransport | None = None
        self._ended = asyncio.get_running_loop().create_future()
        self.is_ready = False
        self.answered = 0

    @classmethod
    async def start(
        cls,
        memory: int,
        seconds: float,
        on_lines: Callable[["Child", list[bytes]], None],
        on_end: Callable[["Child"], None],
    ) -> "Child":
        """Start a process of ``memory`` bytes and ``seconds`` a render; returns before it is ready."""
        child = cls(on_lines, on_end)
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: child,
                *command(memory, seconds),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=child._progress_in,
                env=environment(),
                start_new_session=True,
            )
        finally:
            os.close(child._progress_in)
        return child

    @property
    def pid(self) -> int:
        return self._transport.get_pid() if self._transport else 0

    @property
    def exit_code(self) -> int | None:
        return self._transport.get_returncode() if self._transport else None

    @property
    def unanswered(self) -> int:
        """How many renders it began and did not answer (answers it held back are among them)."""
        self._read_progress()
        return self._begun - self.answered

    @property
    def noise(self) -> str:
        """What it wrote on stderr: a traceback, where it could not start."""
        self._read_progress()
        return self._noise.decode(errors="replace").strip()

    def write(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        stdin = self._transport.get_pipe_transport(0)
        if isinstance(stdin, asyncio.WriteTransport) and not stdin.is_closing():
            stdin.write(data)

    def kill(self) -> None:
        """End it at once; neither its end nor what it still says is reported to anybody."""
        self._on_end = self._on_lines = _ignore
        if self._transport is not None:
            with suppress(ProcessLookupError):
                self._transport.kill()
            self._transport.close()

    async def close(self) -> None:
        """Let it end by closing its stdin, heard by nobody; kill it after a second."""
        self._on_end = self._on_lines = _ignore
        if self._transport is not None and (stdin := self._transport.get_pipe_transport(0)) is not None:
            stdin.close()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._ended), CLOSING_SECONDS)
        self.kill()
        await self._ended

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.SubprocessTransport)  # noqa: S101 - asyncio's contract
        self._transport = transport

    def pipe_data_received(self, _fd: int, data: bytes) -> None:
        first, *others = data.split(b"\n")
        self._rest.append(first)
        if others:
            lines = [b"".join(self._rest), *others[:-1]]
            self._rest = [others[-1]]
            self._read_progress()
            self._on_lines(self, lines)

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """A pipe's end is told by the process's end."""

    def process_exited(self) -> None:
        """Wait for the connection's end: answers may still lie in the pipe."""

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._read_progress()
        os.close(self._progress)
        self._progress = -1
        self._on_end(self)
        if not self._ended.done():
            self._ended.set_result(None)

    def _read_progress(self) -> None:
        with suppress(BlockingIOError):
            while self._progress >= 0 and (data := os.read(self._progress, 1 << 16)):
                self._begun += data.count(0)
                self._noise = (self._noise + data.replace(b"\0", b""))[-2000:]


def _ignore(*_: object) -> None:
    pass
