"""Recall: answers from the log, and sends identical requests in flight once."""

import asyncio
from dataclasses import dataclass, field

from promptlab.core.frozen import replace, slotted
from promptlab.engine.call import UNWANTED, Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.schemas.events import CallRecalled, Emit


@dataclass(slots=True, eq=False)
class Flight:
    """A request that is looked up, then, unless it was `found`, on its way.

    It flies in a task of its own, so that no asker's end cancels it. While it waits for its turn, all who
    ask for it do.
    """

    own_run_only: bool
    askers: dict[int, Call] = field(default_factory=dict)
    in_line: bool = False
    found: Completion | None = None
    task: asyncio.Task[Answer] | None = None
    looked_up: asyncio.Event = field(default_factory=asyncio.Event)

    def refusal(self) -> CallFailure | None:
        return None if self.askers else UNWANTED

    async def wait(self, call: Call) -> Answer | None:
        """Give what came of it; None: whoever looked it up gave up."""
        await self.looked_up.wait()
        return self.found if self.task is None else await self.land(self.task, call)

    async def land(self, task: asyncio.Task[Answer], call: Call) -> Answer:
        self.askers[id(call)] = call
        if self.in_line:
            call.on_line()
        try:
            return await asyncio.shield(task)
        finally:
            del self.askers[id(call)]
            call.on_leave()

    def join_line(self) -> None:
        self.in_line = True
        for call in self.askers.values():
            call.on_line()

    def leave_line(self) -> None:
        self.in_line = False
        for call in self.askers.values():
            call.on_leave()


@slotted
class Recall:
    """Outermost, so that a hit costs no slot, token or budget.

    The look-up is part of the flight: between a miss and the request there is no gap in which another
    identical request could be sent. A look-up needs no task, as nothing is lost with it. Once nobody waits
    for a flight, an attempt that has left is awaited and recorded, but no other leaves.
    """

    log: RecordedAnswers
    emit: Emit
    fresh: bool = False
    _flights: dict[str, Flight] = field(default_factory=dict)
    _unheard: BaseException | None = None

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        own_run_only = self.fresh or not call.recall
        while (flight := self._flights.get(call.request.fingerprint)) is not None:
            answer = await flight.wait(call)
            if answer is not None and _serves(answer, own_run_only=own_run_only and not flight.own_run_only):
                return self._shared(call, answer)
        return await self._first(call, forward, Flight(own_run_only))

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

    async def _first(self, call: Call, forward: Forward[Call, Answer], flight: Flight) -> Answer:
        key = call.request.fingerprint
        self._flights[key] = flight
        try:
            flight.found = await self._look_up(call, own_run_only=flight.own_run_only)
            if flight.found is not None:
                return flight.found
            flown = replace(
                call, refusal=flight.refusal, on_line=flight.join_line, on_leave=flight.leave_line
            )
            task = flight.task = asyncio.ensure_future(forward(flown))
            task.add_done_callback(lambda task: self._landed(key, task))
        finally:
            if flight.task is None:
                del self._flights[key]
            flight.looked_up.set()
        return await flight.land(task, call)

    async def _look_up(self, call: Call, *, own_run_only: bool) -> Completion | None:
        found = await self.log.recall(call.request, own_run_only=own_run_only)
        if found is None or not found.recalled:  # the run's own, from before it was resumed: told as bought
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
        if not flight.askers:
            self._unheard = task.exception()


def _serves(answer: Answer, *, own_run_only: bool) -> bool:
    """Whether another flight's answer is one for whoever joined it, so that they need none of their own."""
    if isinstance(answer, Completion):
        return not (own_run_only and answer.recalled)
    return answer.kind != "unwanted"
