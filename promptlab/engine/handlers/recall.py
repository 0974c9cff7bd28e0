"""Recall: answers from the log, and sends identical requests in flight once."""

import asyncio
from dataclasses import dataclass, field, replace

from promptlab.engine.call import UNWANTED, Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.schemas.events import CallRecalled, Emit


@dataclass(slots=True, eq=False)
class Flight:
    """A call on its way: a task of its own, so that no asker's end cancels it."""

    own_run_only: bool
    waiting: int = 0
    task: asyncio.Task[Answer] | None = None

    def refusal(self) -> CallFailure | None:
        return None if self.waiting else UNWANTED

    async def wait(self) -> Answer:
        assert self.task is not None  # noqa: S101 - it has left
        self.waiting += 1
        try:
            return await asyncio.shield(self.task)
        finally:
            self.waiting -= 1


@dataclass(slots=True)
class Recall:
    """Outermost, so that a hit costs no slot, token or budget.

    The look-up is part of the flight: between a miss and the request there is no gap in which another
    identical request could be sent. Once nobody waits for a flight, an attempt that has left is awaited and
    recorded, but no other leaves.
    """

    log: RecordedAnswers
    emit: Emit
    fresh: bool = False
    _flights: dict[str, Flight] = field(default_factory=dict)
    _unheard: BaseException | None = None

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        own_run_only = self.fresh or not call.recall
        while (flight := self._flights.get(call.request.fingerprint)) is not None:
            answer = await flight.wait()
            if _serves(answer, own_run_only=own_run_only and not flight.own_run_only):
                return self._shared(call, answer)
        return await self._depart(call, forward, own_run_only=own_run_only).wait()

    async def drain(self) -> None:
        """Wait for the flights that nobody waits for any more; raises what one of them broke with."""
        tasks = [flight.task for flight in self._flights.values() if flight.task is not None]
        if tasks:
            await asyncio.wait(tasks)
        if self._unheard is not None:
            raise self._unheard

    def abandon(self) -> None:
        """Cancel the flights; `drain` waits until they have said so in the log."""
        for flight in self._flights.values():
            if flight.task is not None:
                flight.task.cancel()

    def _depart(self, call: Call, forward: Forward[Call, Answer], *, own_run_only: bool) -> Flight:
        flight = Flight(own_run_only)
        key = call.request.fingerprint
        flight.task = asyncio.create_task(self._fly(call, flight, forward))
        flight.task.add_done_callback(lambda task: self._landed(key, task))
        self._flights[key] = flight
        return flight

    async def _fly(self, call: Call, flight: Flight, forward: Forward[Call, Answer]) -> Answer:
        found = await self.log.recall(call.request.fingerprint, own_run_only=flight.own_run_only)
        if found is None:
            return await forward(replace(call, refusal=flight.refusal))
        if not found.recalled:  # the run's own, from before it was resumed: told then as bought
            return found
        self.emit(CallRecalled(call.model, shared=False))
        return replace(found, recalled=True, attempts=0, spent_usd=0.0)

    def _shared(self, call: Call, answer: Answer) -> Answer:
        if not isinstance(answer, Completion):
            return replace(answer, attempts=0, spent_usd=0.0)
        self.emit(CallRecalled(call.model, shared=True))
        return replace(answer, recalled=True, attempts=0, spent_usd=0.0)

    def _landed(self, key: str, task: asyncio.Task[Answer]) -> None:
        flight = self._flights.pop(key)
        if task.cancelled() or task.exception() is None:
            return
        if not flight.waiting:
            self._unheard = task.exception()


def _serves(answer: Answer, *, own_run_only: bool) -> bool:
    """Whether another flight's answer is one for whoever joined it, so that they need none of their own."""
    if isinstance(answer, Completion):
        return not (own_run_only and answer.recalled)
    return answer.kind != "unwanted"
