"""Looks recorded answers up: all that are asked for in one turn of the loop, in one query."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import cache, partial
from itertools import batched, repeat
from typing import Any

from sqlalchemy import Select, and_, bindparam, exists, func, select, text

from promptlab.core.frozen import frozen, replace, slotted
from promptlab.core.prepared import PreparedSelect
from promptlab.engine.completion import Completion, CompletionRequest, Usage
from promptlab.engine.conversation import ToolCall
from promptlab.engine.day_limit import DaySpend
from promptlab.live.day import spend_of_day
from promptlab.models import Attempt
from promptlab.models import Completion as Recorded
from promptlab.models.completion import IS_UNKNOWN
from promptlab.schemas.run import MISSING
from promptlab.services.run_log import RunLog

_BATCH = 64
_SIZES = (1, 4, 16, _BATCH)  # of what is asked for; the last of fewer is asked for again and again
_TABLE = Recorded.__table__
_OWN = _TABLE.c.run_id == bindparam("run")

type _Waiting = dict[str, list[asyncio.Future[Completion | None]]]
type _Read = Callable[[], Mapping[str, Completion]]


@cache
def _newest(size: int, *, own: bool) -> Select[Any]:
    """Give the newest answer, to each of so many requests, of any run or the `run`'s own: `f0`, `f1` …"""
    wanted = _TABLE.c.fingerprint.in_([bindparam(f"f{number}") for number in range(size)])
    asked = and_(wanted, _OWN) if own else wanted
    ids = select(func.max(_TABLE.c.id)).where(asked).group_by(_TABLE.c.fingerprint)
    columns = [column for column in _TABLE.c if column.name not in ("request", "raw", "created_at")]
    return select(*columns).where(_TABLE.c.id.in_(ids))


_DOUBTFUL = (
    select(Attempt.fingerprint)
    .where(text(IS_UNKNOWN))
    .where(~exists().where(_TABLE.c.fingerprint == Attempt.fingerprint))
)


@slotted
class OwnAnswers:
    """Answers that a resumed run bought before it went on, and which of them its trials have told of.

    One that none has told of is still the run's own: it is told as bought, by the first trial that asks.
    """

    run_id: str
    newest: int
    told: set[int] = field(default_factory=set)

    def take(self, row: Any) -> bool:
        """Say whether an answer is the asker's own; it is told then."""
        if row["run_id"] != self.run_id or row["id"] > self.newest or row["id"] in self.told:
            return False
        self.told.add(row["id"])
        return True


class Recaller:
    """Reads on the loop, from a connection of its own. A recalled answer comes without its raw bytes.

    A run that `goes_on` takes its own answers before those of others.
    """

    def __init__(self, log: RunLog, run_id: str, *, goes_on: bool = False) -> None:
        self._log = log
        self._connection = log.engine.connect()
        self._run_id = run_id
        self._goes_on = goes_on
        self.own = OwnAnswers(run_id, self.answers() if goes_on else 0)
        self._waiting: dict[bool, _Waiting] = {False: {}, True: {}}
        self._scheduled = False

    def look_up(self, fingerprint: str, *, own_run_only: bool) -> asyncio.Future[Completion | None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Completion | None] = loop.create_future()
        self._waiting[own_run_only].setdefault(fingerprint, []).append(future)
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._answer_all)
        return future

    def answers(self) -> int:
        """Give how many answers there are on record, at most."""
        with self._log.errors(), self._connection.begin():
            return self._connection.execute(select(func.max(_TABLE.c.id))).scalar() or 0

    def doubtful(self) -> set[str]:
        """Give the requests that left, in any run, and of which nobody knows what became of them."""
        with self._log.errors(), self._connection.begin():
            return set(self._connection.execute(_DOUBTFUL).scalars())

    def today(self, is_running: Callable[[str], bool]) -> DaySpend:
        """Give what was spent on this UTC day, by this run and by others."""
        with self._log.errors(), self._connection.begin():
            return spend_of_day(self._connection, self._run_id, is_running)

    async def aside[T](self, read: Callable[[], T]) -> T:
        """Read something else of this, without a loop that waits where that takes long."""
        return read()

    def close(self) -> None:
        self._connection.close()

    def _answer_all(self) -> None:
        waiting, self._waiting = self._waiting, {False: {}, True: {}}
        self._scheduled = False
        for own, futures in waiting.items():
            for fingerprints in batched(futures, _BATCH):
                self._answer(fingerprints, futures, own=own)

    def _answer(self, fingerprints: tuple[str, ...], futures: _Waiting, *, own: bool) -> None:
        self._tell(fingerprints, futures, partial(self._read, fingerprints, own=own))

    def _tell(self, fingerprints: tuple[str, ...], futures: _Waiting, read: _Read) -> None:
        wanted = [future for fingerprint in fingerprints for future in futures[fingerprint]]
        try:
            found = read()
        except Exception as error:  # noqa: BLE001 (whatever it is, nobody may wait for ever)
            failure = self._log.store.error(error)
            for future in wanted:
                if not future.done():
                    future.set_exception(failure)
            return
        for fingerprint in fingerprints:
            for future in futures[fingerprint]:
                if not future.done():
                    future.set_result(found.get(fingerprint))

    def _read(self, fingerprints: tuple[str, ...], *, own: bool) -> dict[str, Completion]:
        size = next(size for size in _SIZES if size >= len(fingerprints))
        padded = (*fingerprints, *repeat(fingerprints[-1], size - len(fingerprints)))
        values = {"run": self._run_id, **{f"f{number}": one for number, one in enumerate(padded)}}
        found: dict[str, Any] = {}
        with self._connection.begin():
            for own_only in (True,) if own else (False, True) if self._goes_on else (False,):
                query = PreparedSelect.of(_newest(size, own=own_only), self._connection.dialect)
                rows = query.rows(self._connection, values)
                found |= {row["fingerprint"]: row for row in rows}
        return {fingerprint: self._answer_of(row) for fingerprint, row in found.items()}

    def _answer_of(self, row: Any) -> Completion:
        found = _completion(row)
        if not self.own.take(row):
            return found
        return replace(found, recalled=False, spent_usd=found.cost_usd)


@frozen
class AllRuns:
    """What was answered in any run; none of them is one's own."""

    recaller: Recaller

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        del own_run_only
        return await self.recaller.look_up(request.fingerprint, own_run_only=False)


def _completion(row: Any) -> Completion:
    return Completion(
        text=row["text"],
        tool_calls=tuple(map(ToolCall.of, row["tool_calls"] or ())),
        finish_reason=row["finish_reason"],
        usage=Usage(row["input_tokens"], row["output_tokens"], row["cached_tokens"], row["reasoning_tokens"]),
        cost_usd=row["cost_usd"],
        latency_ms=row["latency_ms"],
        first_token_ms=row["first_token_ms"],
        answered_by=row["answered_by"],
        id=row["id"],
        recalled=True,
        attempts=row["attempts"],
        logprobs=None if row["logprobs"] is MISSING else tuple(row["logprobs"]),
    )
