"""The process of a run, as its server sees it."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import cast

from promptlab.core.errors import CannotGoOn
from promptlab.live.hosting.order import CANCEL, Frame, Order

LONGEST_LINE = 4 * 1024**2
PROGRAM = ("-I", "-X", "utf8", "-m", "promptlab.live.hosting.child")
NOT_ITS_OWN = ("PROMPTLAB_TOKEN",)  # what only the server needs


class RunProcess:
    """Ends when this process does, in good order: its stdin ends then."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._orders = cast("asyncio.StreamWriter", process.stdin)
        self._told = cast("asyncio.StreamReader", process.stdout)

    @classmethod
    async def start(cls, order: Order) -> "RunProcess":
        """Start it; raises CannotGoOn where the system lets no process start."""
        environment = {name: value for name, value in os.environ.items() if name not in NOT_ITS_OWN}
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *PROGRAM,
                cwd=order.root,
                env=environment,
                stdin=PIPE,
                stdout=PIPE,
                limit=LONGEST_LINE,
                start_new_session=True,  # Ctrl-C at the server is the server's to tell
            )
        except OSError as error:
            raise CannotGoOn(f"the process of a run could not be started: {error.strerror}") from None
        running = cls(process)
        running._orders.write(order.line())
        return running

    async def frames(self) -> AsyncIterator[Frame]:
        """Give what it tells until its end."""
        async for line in self._told:
            if line.endswith(b"\n"):  # else it was killed in the middle of it
                yield json.loads(line)
        await self._process.wait()

    def cancel(self) -> None:
        """Have it end as by Ctrl-C: the first time in good order, the second time at once."""
        self._orders.write(CANCEL)

    def let_go(self) -> None:
        """Have it end as if this process had."""
        self._orders.close()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self._process.kill()
