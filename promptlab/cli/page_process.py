"""The process that serves the page of a watch, as the watch sees it."""

import asyncio
import json
import os
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import field
from typing import Any

from promptlab.core.frozen import slotted
from promptlab.core.serving import ServerSettings

PROGRAM = ("-I", "-X", "utf8", "-m", "promptlab.cli.watch_server")
NOT_ITS_OWN = ("PROMPTLAB_TOKEN",)
LONGEST_LINE = 1 << 16
MOST_UNREAD = 16 << 20  # bytes that wait for a page that does not read, before it is told no more
END_SECONDS = 3.0  # after which runs that were started at the page end by themselves

type Frame = Mapping[str, Any]


@slotted
class PageProcess:
    """Serves on `listener`; ends with the watch. `on_order` gets what its buttons ask for."""

    settings: ServerSettings
    listener: socket.socket
    is_capped: bool
    on_order: Callable[[str], None]
    on_end: Callable[[], None]
    _process: Process | None = None
    _unsent: list[Frame] = field(default_factory=list)
    _is_ending: bool = False

    def tell(self, frame: Frame) -> None:
        """Tell the page something; never waits."""
        stdin = self._process.stdin if self._process is not None else None
        if stdin is None:
            self._unsent.append(frame)
        elif stdin.transport.get_write_buffer_size() < MOST_UNREAD:
            stdin.write(json.dumps(frame, separators=(",", ":")).encode() + b"\n")

    async def run(self) -> None:
        """Start it, and hear it to its end."""
        try:
            process = await self._start()
        except OSError:
            self.on_end()
            return
        self._process = process
        unsent, self._unsent = self._unsent, []
        for frame in (self._beginning(), *unsent):
            self.tell(frame)
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        async for line in process.stdout:
            self.on_order(json.loads(line)["do"])
        await process.wait()
        if not self._is_ending:
            self.on_end()

    async def end(self, running: asyncio.Task[None]) -> None:
        """Have it end, and wait a little."""
        self._is_ending = True
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(END_SECONDS):
                await running

    async def _start(self) -> Process:
        environment = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
        descriptor = self.listener.fileno()
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *PROGRAM,
            cwd=self.settings.root,
            env=environment,
            stdin=PIPE,
            stdout=PIPE,
            limit=LONGEST_LINE,
            pass_fds=(descriptor,),
            start_new_session=True,  # Ctrl-C is the watch's to hear
        )

    def _beginning(self) -> Frame:
        said = self.settings.model_dump(mode="json")
        token = self.settings.token.get_secret_value()
        descriptor = self.listener.fileno()
        return {"listener": descriptor, "is_capped": self.is_capped, "settings": {**said, "token": token}}
