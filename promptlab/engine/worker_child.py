"""One child process that runs project code: its pipes, its output, its end."""

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from asyncio import transports
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from promptlab.engine.function import Function

type Mode = Literal["sync", "async"]

MAX_FRAME = 64 * 1024**2
MAX_PRINTED = 64 * 1024
GENTLE_END = 0.4  # seconds that an idle child has to run its atexit handlers
LAST_READ = 0.02  # seconds in which what a dead child had written arrives
LENGTH = 4
_SECRET = re.compile(r"_KEY$|API_?KEY|TOKEN|SECRET|PASSWORD|PASSWD|^PROMPTLAB_DATABASE_URL$", re.IGNORECASE)


def without_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """ENVIRONMENT without the variables whose names say that they hold a key, token or password."""
    return {name: value for name, value in environment.items() if not _SECRET.search(name)}


class Listener(Protocol):
    """What hears of a child; every method is called in the event loop."""

    def answered(self, child: "Child", frame: dict[str, Any]) -> None: ...
    def ended(self, child: "Child", reason: str) -> None: ...


class Child(asyncio.SubprocessProtocol):
    """A process of `worker_process`, bound to one folder of the project and one state of its files."""

    def __init__(self, root: Path, mode: Mode, listener: Listener, *, offline: bool = False) -> None:
        self._root = root
        self._offline = offline
        self._mode = mode
        self._listener = listener
        self._process: asyncio.SubprocessTransport | None = None
        self._unsent = bytearray()
        self._received = bytearray()
        self._printed = bytearray()
        self._dropped = 0
        self._ending = False
        self._exit_seen = False
        self._pipes_lost = False
        self._lifeline = -1
        self.closed = asyncio.get_running_loop().create_future()
        self._files: dict[str, str] = {}

    async def start(self) -> None:
        lifeline, self._lifeline = os.pipe()
        try:
            await asyncio.get_running_loop().subprocess_exec(
                lambda: self, *self._command(lifeline), **self._options(lifeline)
            )
        except OSError as error:
            self._close(f"could not be started: {error.strerror}")
            self.closed.set_result(None)
        finally:
            os.close(lifeline)

    def _command(self, lifeline: int) -> list[str]:
        flags = ["-I", "-X", "utf8", "-X", "faulthandler", "-m", "promptlab.engine.worker_process"]
        offline = ["offline"] if self._offline else []
        return [sys.executable, *flags, str(self._root), self._mode, str(lifeline), *offline]

    def _options(self, lifeline: int) -> dict[str, Any]:
        environment = without_secrets(os.environ)
        return {"cwd": self._root, "env": environment, "pass_fds": (lifeline,), "start_new_session": True}

    def fits(self, function: Function) -> bool:
        """Whether the files that FUNCTION was read with are those that this child has loaded."""
        return all(self._files.get(path, digest) == digest for path, digest in function.files)

    def holds(self, function: Function) -> None:
        self._files.update(function.files)

    def send(self, frame: bytes) -> None:
        self._unsent += len(frame).to_bytes(LENGTH) + frame
        self._flush()

    def _flush(self) -> None:
        if self._process and self._unsent and not self._ending:
            stdin = cast("transports.WriteTransport", self._process.get_pipe_transport(0))
            stdin.write(bytes(self._unsent))
            self._unsent.clear()

    def take_printed(self) -> tuple[str, int]:
        """Return what was printed since last asked, and how many bytes more were dropped."""
        printed, dropped = self._printed.decode(errors="replace"), self._dropped
        self._printed.clear()
        self._dropped = 0
        return printed, dropped

    def end(self) -> None:
        """End an idle child: it leaves by itself, or is killed soon."""
        if self._process is None or self._ending:
            self.kill()
            return
        self._ending = True
        if stdin := self._process.get_pipe_transport(0):
            stdin.close()
        asyncio.get_running_loop().call_later(GENTLE_END, self.kill)

    def kill(self) -> None:
        """End the child's whole process group at once."""
        self._ending = True
        if self._process and self._process.get_returncode() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.get_pid(), signal.SIGKILL)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast("asyncio.SubprocessTransport", transport)
        if self._ending:
            self.kill()
        self._flush()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 1:
            self._received += data
            # What was printed before this answer may be read after it, by up to one turn of the loop.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._read_frames)
        else:
            kept = data[: MAX_PRINTED - len(self._printed)]
            self._printed += kept
            self._dropped += len(data) - len(kept)

    def _read_frames(self) -> None:
        while len(self._received) >= LENGTH:
            end = LENGTH + int.from_bytes(self._received[:LENGTH])
            if end > len(self._received) and end <= MAX_FRAME:
                return
            try:
                frame = _frame(self._received[LENGTH:end])
            except ValueError:  # project code has written to our pipe
                self._received.clear()
                self.kill()
                return
            del self._received[:end]
            self._listener.answered(self, frame)

    def process_exited(self) -> None:
        asyncio.get_running_loop().call_later(LAST_READ, self._exited)

    def _exited(self) -> None:
        process = cast("asyncio.SubprocessTransport", self._process)
        self._close(_reason(process.get_returncode() or 0))
        process.close()  # a grandchild may hold the pipes open
        self._exit_seen = True
        if self._pipes_lost:
            self.closed.set_result(None)

    def _close(self, reason: str) -> None:
        self._ending = True
        os.close(self._lifeline)
        self._listener.ended(self, reason)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._pipes_lost = True
        if self._exit_seen:
            self.closed.set_result(None)


def _frame(content: bytearray) -> dict[str, Any]:
    frame = json.loads(content)
    if isinstance(frame, dict) and "id" in frame and frame.keys() & {"begun", "value", "error", "stopped"}:
        return frame
    raise ValueError("not a frame of ours")


def _reason(code: int) -> str:
    if code >= 0:
        return f"exited with code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    return f"was ended by {name}"
