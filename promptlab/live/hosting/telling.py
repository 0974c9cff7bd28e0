"""How the process of a run keeps its server up to date: that it has begun, and how far it is."""

import asyncio
import time
from contextlib import suppress
from typing import Self

from promptlab.live.counts import RunCounts
from promptlab.live.hosting.figures import figures_of
from promptlab.live.hosting.order import TELLING_SECONDS
from promptlab.live.hosting.outlet import Outlet
from promptlab.live.hosting.streamed import Streamed
from promptlab.schemas.events import Event, RunStarted
from promptlab.schemas.report import RunSummary
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService

LOOK_SECONDS = 0.005  # between looks for the row of the run in the log


class Telling:
    """A listener to a run's events; what it costs the run does not depend on who listens to the server."""

    def __init__(self, outlet: Outlet, log: RunLog, run_id: str) -> None:
        self.counts = RunCounts()
        self._outlet = outlet
        self._log = log
        self._run_id = run_id
        self._started = asyncio.Event()
        self._pipeline = ""
        self._streamed = Streamed(outlet)
        self._has_news = False
        self._is_over = False
        self._tasks: list[asyncio.Task[None]] = []

    def __call__(self, event: Event) -> None:
        self._has_news = True
        self._streamed(event)
        if isinstance(event, RunStarted):
            self._pipeline = event.pipeline
            self._started.set()

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._tell_beginning()), asyncio.create_task(self._tell())]
        return self

    async def __aexit__(self, *error: object) -> None:
        beginning, telling = self._tasks
        telling.cancel()
        if error[0] is not None or not self._started.is_set():
            self._is_over = True
            beginning.cancel()
        with suppress(asyncio.CancelledError):
            await beginning

    def ended(self, summary: RunSummary) -> None:
        self._streamed.tell()
        self._outlet.tell("moved", **figures_of(self.counts))
        self._outlet.tell("ended", status=summary.status, exit_code=summary.exit_code)

    async def _tell_beginning(self) -> None:
        """Say that the run has begun once others find it in the log."""
        await self._started.wait()
        await asyncio.to_thread(self._wait_for_row)
        self._outlet.tell("begun", pipeline=self._pipeline)

    def _wait_for_row(self) -> None:
        while not self._is_over and not self._is_there():
            time.sleep(LOOK_SECONDS)

    def _is_there(self) -> bool:
        with self._log.reading() as session:
            return RunService(session, is_running=self._log.is_running).named(self._run_id) > 0

    async def _tell(self) -> None:
        await asyncio.shield(self._tasks[0])
        while True:
            await asyncio.sleep(TELLING_SECONDS)
            self._streamed.tell_if_heard()
            if self._has_news:
                self._has_news = not self._outlet.tell_if_heard("moved", lambda: figures_of(self.counts))
