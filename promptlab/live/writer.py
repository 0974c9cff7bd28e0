"""One thread that writes what is put to it, all that waits in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from threading import Condition, Thread
from typing import Any

from sqlalchemy import Connection

from promptlab.core.errors import StorageError
from promptlab.core.frozen import frozen
from promptlab.services.run_log import RunLog

ROOM = 16_000_000  # bytes that may wait, about, before whoever puts more is made to wait
_GATHER_SECONDS = 0.1
_FIRST_SECONDS = 0.02  # in which the log is locked already
_GATHER_BYTES = 1_000_000
_QUIET_TURNS = 2  # of the loop, without another put that is waited for, before a group is closed
_MOST_TURNS = 64

type Group = Sequence[Put]
type Write = Callable[[Connection, Group], Sequence[Any]]
type First = Callable[[Connection], object]


@frozen
class Put:
    """Something to write. `future`, if anybody waits, gets what the write gave for it."""

    work: Any
    weight: int
    future: asyncio.Future[Any] | None = None


class Writer:
    """Group commit: `write` turns a group into rows, and gives a result for each of its puts.

    `first` is written at once, and committed with the first group, or soon.
    The first failure is the last thing it does: it fails everything that waits, each later put and the close.
    """

    def __init__(
        self, log: RunLog, write: Write, *, loop: asyncio.AbstractEventLoop, first: First | None = None
    ) -> None:
        self._log = log
        self._write = write
        self._loop = loop
        self._first = first
        self._changed = Condition()
        self._waiting: list[Put] = []
        self._group: list[Put] = []
        self._weight = 0
        self._urgent = False
        self._asked = 0
        self._is_gathering = False
        self._closing = False
        self._failure: StorageError | None = None
        self._thread = Thread(target=self._run, name="promptlab-writer", daemon=True)
        self._thread.start()

    @property
    def is_full(self) -> bool:
        return self._weight > ROOM

    def put(self, work: object, *, weight: int) -> None:
        """Have `work` written some time soon; blocks while twice the room is taken."""
        with self._changed:
            self._changed.wait_for(lambda: self._weight <= 2 * ROOM or self._failure)
            self._add(Put(work, weight))

    def put_and_wait(self, work: object, *, weight: int = 0) -> asyncio.Future[Any]:
        """Have `work` written at once; the future is done when it is committed."""
        future = self._loop.create_future()
        with self._changed:
            self._add(Put(work, weight, future))
        self._asked += 1
        if not self._is_gathering:
            self._is_gathering = True
            self._loop.call_soon(self._gather, self._asked, 0, 0)
        return future

    async def close(self) -> None:
        """Write what waits and end; raises the StorageError that stopped the writer before, if one did."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        await asyncio.to_thread(self._thread.join)
        self._check()

    def _add(self, put: Put) -> None:
        self._check()
        if self._closing:
            raise StorageError(f"{self._log.name}: the run log is closed")
        self._waiting.append(put)
        self._weight += put.weight
        if self._weight > _GATHER_BYTES:
            self._hurry()
        elif len(self._waiting) == 1:
            self._changed.notify_all()

    def _gather(self, asked: int, quiet: int, turns: int) -> None:
        """Close the group once the loop brings no more to it, so that what leaves together is one commit."""
        quiet = quiet + 1 if self._asked == asked else 0
        if quiet < _QUIET_TURNS and turns < _MOST_TURNS:
            self._loop.call_soon(self._gather, self._asked, quiet, turns + 1)
            return
        self._is_gathering = False
        with self._changed:
            if self._waiting:
                self._hurry()

    def _hurry(self) -> None:
        if not self._urgent:
            self._urgent = True
            self._changed.notify_all()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            with self._log.writers.connect() as connection:
                self._write_all(connection)
        except BaseException as error:  # noqa: BLE001 (whatever it is, nobody may wait for ever)
            self._fail(error)

    def _write_all(self, connection: Connection) -> None:
        if self._first is not None:
            with connection.begin():
                self._first(connection)
                results = self._write(connection, self._gathered(_FIRST_SECONDS))
            self._committed(connection, results)
        while self._next_group():
            with connection.begin():
                results = self._write(connection, self._group)
            self._committed(connection, results)

    def _next_group(self) -> list[Put]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
        return self._gathered(_GATHER_SECONDS)

    def _gathered(self, seconds: float) -> list[Put]:
        with self._changed:
            self._changed.wait_for(lambda: self._urgent or self._closing, timeout=seconds)
            self._group, self._waiting = self._waiting, []
            self._urgent = False
        return self._group

    def _committed(self, connection: Connection, results: Sequence[Any]) -> None:
        group = self._group
        answers = [(put.future, result) for put, result in zip(group, results, strict=True) if put.future]
        if answers:
            self._loop.call_soon_threadsafe(_resolve, answers)
        with self._changed:
            self._weight -= sum(put.weight for put in group)
            self._changed.notify_all()
        self._log.store.committed(connection)

    def _fail(self, error: BaseException) -> None:
        failure = error if isinstance(error, StorageError) else self._log.store.error(error)
        failure.__cause__ = error if error is not failure else None
        with self._changed:
            self._failure = failure
            lost, self._waiting = [*self._group, *self._waiting], []
            self._changed.notify_all()
        futures = [put.future for put in lost if put.future]
        if futures and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(_reject, futures, failure)


def _resolve(answers: list[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in answers:
        if not future.done():
            future.set_result(result)


def _reject(futures: list[asyncio.Future[Any]], failure: StorageError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(failure)
