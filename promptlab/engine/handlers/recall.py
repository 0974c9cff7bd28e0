"""Recall: answers from the log, and sends identical requests in flight once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from promptlab.engine.call import Call
from promptlab.engine.call_log import CallLog
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, Completion
from promptlab.schemas.events import CallRecalled, Emit


@dataclass(slots=True)
class Recall:
    """Outermost, so that a hit costs no slot, token or budget.

    The look-up is part of the flight: between a miss and the request there is no gap in which another
    identical request could be sent. The flight is a task of its own, which no waiter's end cancels.
    """

    log: CallLog
    emit: Emit
    fresh: bool = False
    _flights: dict[str, asyncio.Task[Answer]] = field(default_factory=dict)

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        key = call.request.fingerprint
        flight = self._flights.get(key)
        if flight is not None:
            return self._shared(call, await asyncio.shield(flight))
        flight = asyncio.create_task(self._fly(call, forward))
        self._flights[key] = flight
        flight.add_done_callback(self._landed(key))
        return await asyncio.shield(flight)

    async def drain(self) -> None:
        """Wait for the flights that nobody waits for any more."""
        await asyncio.gather(*self._flights.values(), return_exceptions=True)

    def abandon(self) -> None:
        """Cancel the flights; `drain` waits until they have said so in the log."""
        for flight in self._flights.values():
            flight.cancel()

    async def _fly(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        own_run_only = self.fresh or not call.recall
        found = await self.log.recall(call.request.fingerprint, own_run_only=own_run_only)
        if found is None:
            return await forward(call)
        self.emit(CallRecalled(call.model, shared=False))
        return found

    def _shared(self, call: Call, answer: Answer) -> Answer:
        if not isinstance(answer, Completion):
            return replace(answer, attempts=0)
        self.emit(CallRecalled(call.model, shared=True))
        return replace(answer, recalled=True, attempts=0)

    def _landed(self, key: str) -> Callable[[asyncio.Task[Answer]], None]:
        def forget(task: asyncio.Task[Answer]) -> None:
            self._flights.pop(key, None)
            if not task.cancelled():
                task.exception()

        return forget
