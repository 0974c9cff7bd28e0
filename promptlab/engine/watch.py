"""Stands for the chains that answer: recalls what is recorded, and notes what is not."""

from collections.abc import Callable
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.replaying import raised

NOT_THERE = CallFailure(kind="unwanted", message="not recorded", outcome="unsent", attempts=0)


@slotted
class Watch:
    """What one step asks: of models, `recalled` and `asked`; of the project's code, how often.

    `fresh`: nothing that was recorded counts. `anyhow`: all that was does, as in a replay. `note` is told of
    calls that nobody has answered, `hear` of each.
    """

    log: RecordedAnswers
    fresh: bool
    anyhow: bool = False
    note: Callable[[Call], None] = lambda _call: None
    hear: Callable[[Call], None] = lambda _call: None
    recalled: list[Call] = field(default_factory=list)
    asked: list[Call] = field(default_factory=list)
    remembered: int = 0
    acted: int = 0

    async def complete(self, call: Call) -> Answer:
        found = await self._recorded(call)
        if found is None:
            self.asked.append(call)
            self.note(call)
            return NOT_THERE
        self.recalled.append(call)
        return found

    async def act(self, call: Call) -> Answer:
        found = await self._recorded(call)
        if found is None:
            self.acted += 1
            self.note(call)
            return NOT_THERE
        self.remembered += 1
        return raised(found)

    async def _recorded(self, call: Call) -> Completion | None:
        """Give what a new run would recall: it has no answers of its own yet."""
        self.hear(call)
        if self.fresh or not (call.recall or self.anyhow):
            return None
        return await self.log.recall(call.request)
