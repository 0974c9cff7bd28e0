"""Looks recorded answers up in a database behind a network, for which no event loop must wait."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from promptlab.engine.completion import Completion
from promptlab.live.recall import Recaller
from promptlab.services.run_log import RunLog

type _Waiting = dict[str, list[asyncio.Future[Completion | None]]]
type _Read = Callable[[], Mapping[str, Completion]]


class FarRecaller(Recaller):
    """Reads in one thread of its own, from one connection; what is asked meanwhile is one question then."""

    def __init__(self, log: RunLog, run_id: str, *, goes_on: bool = False) -> None:
        super().__init__(log, run_id, goes_on=goes_on)
        self._connection.execution_options(isolation_level="AUTOCOMMIT")  # a way there and back, not three
        self._thread = ThreadPoolExecutor(1, "promptlab-recaller")
        self._under_way = 0

    async def aside[T](self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    def close(self) -> None:
        self._thread.shutdown()
        super().close()

    def _answer_all(self) -> None:
        if not self._under_way:
            super()._answer_all()

    def _answer(self, fingerprints: tuple[str, ...], futures: _Waiting, *, own: bool) -> None:
        read = partial(self._read, fingerprints, own=own)
        reading = asyncio.get_running_loop().run_in_executor(self._thread, read)
        self._under_way += 1
        reading.add_done_callback(lambda done: self._answered(fingerprints, futures, done.result))

    def _answered(self, fingerprints: tuple[str, ...], futures: _Waiting, read: _Read) -> None:
        self._under_way -= 1
        self._tell(fingerprints, futures, read)
        if self._scheduled:
            self._answer_all()
