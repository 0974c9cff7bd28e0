"""The completion chain of a run, on a virtual clock and a log in memory."""

from dataclasses import dataclass, field
from typing import Literal

from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.call_log import MemoryCallLog
from promptlab.engine.chain import Handler, chain
from promptlab.engine.completion import Answer
from promptlab.engine.day_limit import DayBook, DayLimit
from promptlab.engine.handlers.budget import Budget
from promptlab.engine.handlers.recall import Recall
from promptlab.engine.handlers.record import Record
from promptlab.engine.handlers.retry import Retry
from promptlab.engine.handlers.throttle import Throttle
from promptlab.schemas.pipeline import Limits
from tests.scripted import Heard, VirtualClock


async def ask(one: Call) -> Answer:
    return await one.ask(one)


@dataclass
class Chain:
    limits: Limits = field(default_factory=Limits)
    fresh: bool = False
    on_unknown: Literal["retry", "fail"] = "retry"
    max_concurrency: int | None = None
    log: MemoryCallLog = field(default_factory=MemoryCallLog)
    day: tuple[float, DayBook] | None = None  # a limit, and what other runs spend

    def __post_init__(self) -> None:
        self.clock, self.heard, self.brake = VirtualClock(), Heard(), Brake()
        self.recall = Recall(self.log, self.heard, fresh=self.fresh)
        day = DayLimit(*self.day, self.clock, self.brake) if self.day is not None else None
        self.budget = Budget(self.limits, self.brake, day=day)
        self.throttle = Throttle(self.clock, self.brake, self.heard, self.max_concurrency)
        retry = Retry(self.log, self.clock, self.brake, lambda: 0.5, self.on_unknown)
        record = Record(self.log, self.heard)
        handlers: list[Handler[Call, Answer]] = [self.recall, retry, self.budget, self.throttle, record]
        self._complete = chain(handlers, ask)

    async def complete(self, one: Call) -> Answer:
        return await self._complete(one)
