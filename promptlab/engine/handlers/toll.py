"""Toll: counts calls that take neither tokens nor money for the limit `requests`; nothing else stops them."""

from dataclasses import dataclass

from promptlab.engine.call import Call, Worst
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer
from promptlab.engine.handlers.budget import Budget


@dataclass(frozen=True, slots=True)
class Toll:
    budget: Budget

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        return await self.budget.spend(Worst(), call, forward)
