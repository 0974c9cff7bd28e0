"""Runs of edited prompts: refused before anything is sent where they may cost more than is left."""

import asyncio
import hashlib
from dataclasses import astuple
from weakref import WeakValueDictionary

from promptlab.core.errors import LimitReached, UsageError
from promptlab.core.frozen import replace
from promptlab.core.words import money
from promptlab.live.hosting.host import RunHost
from promptlab.live.playground.bench import Bench
from promptlab.live.playground.looking import Cost, Look, Wanted
from promptlab.live.playground.tried import Tried
from promptlab.loader.problems import InvalidPipeline


class Playground:
    """Looks at prompts, and runs one on one row. What is asked for again while it goes on is begun once."""

    def __init__(self, bench: Bench, host: RunHost) -> None:
        self.bench = bench
        self._host = host
        self._asked: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._going: dict[str, str] = {}

    async def look(self, wanted: Wanted) -> Look:
        """Give what would be sent, and what it would cost; raises as `Bench.look` does."""
        return await self.bench.look_soon(replace(wanted, allowed=self._host.room))

    async def run(self, wanted: Wanted) -> str:
        """Begin a run and give its id, once it is in the log.

        Raises as `look` and `RunHost.start` do: InvalidPipeline with what is wrong, UsageError where a price
        is not known, and LimitReached where the worst case is more than its limits leave.
        """
        look = await self.look(replace(wanted, is_to_run=True))
        if look.loaded is None:
            raise InvalidPipeline(look.problems)
        _require_room(look.cost)
        name = _name(look.tried)
        lock = self._asked.setdefault(name, asyncio.Lock())
        async with lock:
            self._going = {name: run for name, run in self._going.items() if self._host.has_live(run)}
            if name not in self._going:
                self._going[name] = await self._host.try_out(look.tried, max_cost=wanted.max_cost)
            return self._going[name]


def _require_room(cost: Cost) -> None:
    if cost.refusal is not None:
        raise UsageError(cost.refusal)
    if cost.plan is not None and cost.is_too_dear:
        worst = money(cost.plan.total.worst_usd)
        raise LimitReached(
            f"this may cost up to {worst}, and {cost.limit} leaves {money(cost.room)}: nothing was sent",
            hint="raise the limit, or lower max_tokens",
        )


def _name(tried: Tried) -> str:
    return hashlib.sha256(repr(astuple(tried)).encode("utf-8", "surrogatepass")).hexdigest()
