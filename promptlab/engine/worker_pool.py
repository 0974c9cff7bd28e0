"""Shares calls of project functions among warm child processes, fairly, and replaces those that die."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from promptlab.core.json import JSON
from promptlab.engine.function import Function
from promptlab.engine.worker_call import Call, Printed, ProjectCodeError, loss_of, outcome_of, request_frame
from promptlab.engine.worker_child import Child, Mode

UNBLOCK = 1.0  # seconds in which an event loop must answer a cancellation
MAX_STARTS = 3
START_LIMIT = 30.0  # seconds until a child must have begun its first call


@dataclass(eq=False, slots=True)
class _Place:
    child: Child
    folder: str
    calls: dict[int, Call] = field(default_factory=dict)
    retired: bool = False
    heard: bool = False
    used: int = 0

    def fits(self, function: Function) -> bool:
        return self.folder == function.folder and self.child.fits(function)

    def has_room(self, call: Call, room: int) -> bool:
        taken = not self.calls if call.alone else not any(other.alone for other in self.calls.values())
        return taken and len(self.calls) < room and not self.retired


class Pool:
    """At most `size` children that each run up to `room` calls at once, begun in order of arrival."""

    def __init__(
        self,
        root: Path,
        mode: Mode,
        *,
        size: int,
        room: int,
        on_print: Callable[[Printed], None],
        offline: bool = False,
    ) -> None:
        self._root = root
        self._mode: Mode = mode
        self._size = size
        self._room = room
        self._on_print = on_print
        self._offline = offline
        self._waiting: deque[Call] = deque()
        self._places: dict[Child, _Place] = {}
        self._leaving: set[Child] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._ticks = count(1)
        self._closed = False

    async def call(
        self,
        function: Function,
        arguments: bytes,
        limit: float,
        *,
        any_text: bool,
        on_line: Callable[[], None],
        on_leave: Callable[[], None],
    ) -> JSON:
        """Return what FUNCTION returned; raise ProjectCodeError."""
        if self._closed:
            raise ProjectCodeError("crashed", "the workers were closed")
        answer: asyncio.Future[JSON] = asyncio.get_running_loop().create_future()
        number = next(self._ticks)
        request = request_frame(number, function, arguments, any_text=any_text)
        call = Call(number, function, request, limit, answer, on_line, on_leave)
        call.on_line()
        self._waiting.append(call)
        self._dispatch()
        try:
            return await answer
        finally:
            if answer.cancelled():
                self._abandon(call)

    async def close(self) -> None:
        """End every child; calls still waiting or running are errors."""
        self._closed = True
        for child, place in list(self._places.items()):
            self._leave(child, kill=bool(place.calls))
        for call in [*self._waiting]:
            self._settle(call, ProjectCodeError("crashed", "the workers were closed"))
        self._waiting.clear()
        await asyncio.gather(*self._starting, *(child.closed for child in self._leaving))

    def answered(self, child: Child, frame: dict[str, Any]) -> None:
        place = self._places.get(child)
        if place is None:
            return
        place.heard = True
        call = place.calls.get(frame["id"])
        if call is None:
            return
        if "begun" in frame:
            self._begin(place, call)
        else:
            self._finish(place, call, outcome_of(call, frame))

    def ended(self, child: Child, reason: str) -> None:
        place = self._places.pop(child, None)
        self._leaving.discard(child)
        if place:
            self._print(place)
            for call in _newest_first(place):
                self._lost(call, reason, suspects=_suspects(place))
        self._dispatch()

    def _lost(self, call: Call, reason: str, *, suspects: list[Call]) -> None:
        if suspects == [call] or call.overdue or self._closed or call.starts >= MAX_STARTS:
            self._settle(call, loss_of(call, reason))
            return
        call.alone = call in suspects
        call.wait_again()
        self._waiting.appendleft(call)

    def _dispatch(self) -> None:
        while self._waiting and not self._closed:
            place = self._place_for(self._waiting[0])
            if place is None:
                return
            self._send(place, self._waiting.popleft())

    def _send(self, place: _Place, call: Call) -> None:
        call.starts += 1
        place.calls[call.number] = call
        place.child.holds(call.function)
        place.child.send(call.request)
        if self._mode == "sync" and place.heard:
            self._begin(place, call)

    def _begin(self, place: _Place, call: Call) -> None:
        call.begin()
        call.timer = asyncio.get_running_loop().call_later(call.limit, self._overrun, place, call)

    def _place_for(self, call: Call) -> _Place | None:
        for place in self._places.values():
            if place.fits(call.function) and place.has_room(call, self._room):
                return place
        self._make_room(call.function)
        return self._start(call.function) if len(self._places) < self._size else None

    def _make_room(self, function: Function) -> None:
        """End the idle children that hold older files, and where all places are taken one that is idle."""
        idle = [place for place in self._places.values() if not place.calls]
        for place in idle:
            if place.folder == function.folder and not place.fits(function):
                self._leave(place.child)
        if len(self._places) >= self._size:
            unused = [place for place in idle if place.child in self._places]
            for place in sorted(unused, key=lambda place: place.used)[:1]:
                self._leave(place.child)

    def _start(self, function: Function) -> _Place:
        child = Child(self._root, self._mode, self, offline=self._offline)
        place = self._places[child] = _Place(child, function.folder)
        loop = asyncio.get_running_loop()
        task = loop.create_task(child.start())
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)
        loop.call_later(START_LIMIT, _kill_silent, place)
        return place

    def _leave(self, child: Child, *, kill: bool = False) -> None:
        self._leaving.add(child)
        if kill:
            child.kill()
        else:
            del self._places[child]
            child.end()

    def _overrun(self, place: _Place, call: Call) -> None:
        """Stop CALL: in an event loop it is cancelled first, its process killed if the loop is blocked."""
        call.overdue = True
        place.retired = True
        if self._mode == "sync":
            place.child.kill()
            return
        place.child.send(b'{"cancel":%d}' % call.number)
        call.timer = asyncio.get_running_loop().call_later(UNBLOCK, place.child.kill)

    def _abandon(self, call: Call) -> None:
        if call in self._waiting:
            self._waiting.remove(call)
        for place in self._places.values():
            if call.number in place.calls and not call.overdue:
                call.stop_timer()
                self._overrun(place, call)

    def _finish(self, place: _Place, call: Call, outcome: JSON | ProjectCodeError) -> None:
        self._print(place)
        del place.calls[call.number]
        place.used = next(self._ticks)
        self._settle(call, outcome)
        if place.retired and not place.calls:
            self._leave(place.child)
        self._dispatch()

    def _settle(self, call: Call, outcome: JSON | ProjectCodeError) -> None:
        call.stop_timer()
        if call.answer.done():
            return
        if isinstance(outcome, ProjectCodeError):
            call.answer.set_exception(outcome)
        else:
            call.answer.set_result(outcome)

    def _print(self, place: _Place) -> None:
        text, dropped = place.child.take_printed()
        if text:
            sources = dict.fromkeys(call.function.reference for call in place.calls.values())
            self._on_print(Printed(", ".join(sources) or place.folder, text, dropped))


def _newest_first(place: _Place) -> list[Call]:
    return sorted(place.calls.values(), key=lambda call: call.number, reverse=True)


def _suspects(place: _Place) -> list[Call]:
    """The calls that may have ended their process: those past their limit, else all that had begun."""
    overdue = [call for call in place.calls.values() if call.overdue]
    return overdue or [call for call in place.calls.values() if call.begun]


def _kill_silent(place: _Place) -> None:
    if not place.heard:
        place.child.kill()
