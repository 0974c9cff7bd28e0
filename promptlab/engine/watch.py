"""Stands for the chains that answer: recalls what is recorded, and notes what is not."""

from dataclasses import dataclass, field

from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import Answer, CallFailure, Completion

NOT_THERE = CallFailure(kind="unwanted", message="not recorded", outcome="unsent", attempts=0)


@dataclass(slots=True)
class Watch:
    """What one step asks: of models, `recalled` and `asked`; of the project's code, how often.

    `fresh`: nothing that was recorded counts.
    """

    log: RecordedAnswers
    fresh: bool
    recalled: list[Call] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)
    remembered: int = 0
    acted: int = 0

    async def complete(self, call: Call) -> Answer:
        found = await self._recorded(call)
        if found is None:
            self.asked.append(call)
            return NOT_THERE
        self.recalled.append(call)
        return found

    async def act(self, call: Call) -> Answer:
        found = await self._recorded(call)
        if found is None:
            self.acted += 1
            return NOT_THERE
        self.remembered += 1
        return found

    async def _recorded(self, call: Call) -> Completion | None:
        """Give what a new run would recall: it has no answers of its own yet."""
        if self.fresh or not call.recall:
            return None
        return await self.log.recall(call.request)
