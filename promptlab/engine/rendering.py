"""Renders templates in the template process: many at once over one warm child.

A template that takes more than a second of CPU ends the child, and only that render fails: the others are
sent again to a new one. One that does not answer for ten seconds is too slow as well.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self

from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.child import Child
from promptlab.engine.templating.frames import (
    STARTING_SECONDS,
    TEMPLATES_KEPT,
    Introduced,
    RenderError,
    answer,
    loss,
    not_started,
    patience,
    render_frame,
    too_slow,
)
from promptlab.engine.templating.paths import NeedsProcessError
from promptlab.engine.templating.shortcuts import shortcut
from promptlab.schemas.template import Template

__all__ = ["RenderError", "Renderer"]

TIME_LIMIT = 1.0
MEMORY_LIMIT = 1 << 30
MAX_ATTEMPTS = 3
NOTHING = Template("text", "", "nothing")


@dataclass(slots=True, eq=False)
class _Job:
    template: Template
    frame: bytes
    answer: asyncio.Future[JSON]
    attempts: int = 0


class Renderer:
    """The template process as an async context manager; it starts with the first render that needs it.

    ``time_limit`` is in seconds of CPU a render, ``memory_limit`` in bytes for the process, which keeps
    ``templates_kept`` compiled templates. It belongs to one event
    loop.
    """

    def __init__(
        self,
        *,
        time_limit: float = TIME_LIMIT,
        memory_limit: int = MEMORY_LIMIT,
        templates_kept: int = TEMPLATES_KEPT,
    ) -> None:
        self._time_limit = time_limit
        self._patience = patience(time_limit)
        self._memory_limit = memory_limit
        self._child: Child | None = None
        self._starting: asyncio.Task[None] | None = None
        self._discarded: list[Child] = []
        self._queued: deque[_Job] = deque()
        self._sent: deque[_Job] = deque()
        self._introduced = Introduced(templates_kept)
        self._flush: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def start(self) -> None:
        """Start the child without waiting until it is ready, beside other work."""
        if self._child is None and self._starting is None:
            self._starting = asyncio.create_task(self._spawn())

    async def close(self) -> None:
        """End the child and give up what is in flight."""
        if self._starting is not None:
            await self._starting
        children = [*self._discarded, *([self._child] if self._child else [])]
        self._child = None
        self._discarded.clear()
        self._cancel_handles()
        for job in (*self._sent, *self._queued):
            job.answer.cancel()
        self._sent.clear()
        self._queued.clear()
        for child in children:
            await child.close()

    async def render(self, template: Template, names: Names) -> JSON:
        """Return messages for a prompt, a content for a text, a JSON value else; raises RenderError."""
        direct = shortcut(template)
        if direct is not None:
            try:
                return direct(names)
            except NeedsProcessError:
                pass
        return await self._enqueue(template, names)

    __call__ = render

    async def warm_up(self, templates: Iterable[Template]) -> None:
        """Wait until the child runs, where a template needs it; if it fails, the first render says so."""
        if any(shortcut(template) is None for template in templates):
            with suppress(RenderError):
                await self._enqueue(NOTHING, Names({}))

    def get_ready(self, templates: Iterable[Template]) -> None:
        """Have the running child compile what is new to it, beside other work; what fails is no matter."""
        if self._child is None:
            return
        for template in templates:
            if shortcut(template) is None and not self._introduced.has(template):
                self._enqueue(template, Names({})).add_done_callback(_heed_nothing)

    def _enqueue(self, template: Template, names: Names) -> asyncio.Future[JSON]:
        loop = asyncio.get_running_loop()
        job = _Job(template, render_frame(template, names), loop.create_future())
        self._queued.append(job)
        if self._flush is None:
            self._flush = loop.call_soon(self._send)
        return job.answer

    def _send(self) -> None:
        self._flush = None
        if self._child is None:
            if self._starting is None and self._queued:
                self._starting = asyncio.get_running_loop().create_task(self._spawn())
            return
        if not self._sent:
            self._since = asyncio.get_running_loop().time()
        frames: list[bytes] = []
        while self._queued:
            job = self._queued.popleft()
            if not job.answer.done():
                frames += [*self._introduced.frames(job.template), job.frame]
                self._sent.append(job)
        self._child.write(b"".join(frames))
        self._watch()

    async def _spawn(self) -> None:
        try:
            self._child = await Child.start(self._memory_limit, self._time_limit, self._take, self._lose)
        except OSError as error:
            self._fail_all(str(error))
            return
        finally:
            self._starting = None
        self._introduced.clear()
        self._send()

    def _take(self, child: Child, lines: list[bytes]) -> None:
        self._since = asyncio.get_running_loop().time()
        for line in lines:
            if not child.is_ready:
                child.is_ready = True
                self._watch_anew()
                continue
            child.answered += 1
            _settle(self._sent.popleft(), line)

    def _watch(self) -> None:
        if self._timer is None and self._sent:
            self._timer = asyncio.get_running_loop().call_later(self._patience, self._judge_time)

    def _watch_anew(self) -> None:
        """Hold the first render to its own time, not to the one that a start may take."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._watch()

    def _judge_time(self) -> None:
        self._timer = None
        if self._child is None or not self._sent:
            return
        loop = asyncio.get_running_loop()
        limit = self._patience if self._child.is_ready else STARTING_SECONDS
        left = self._since + limit - loop.time()
        if left > 0:
            self._timer = loop.call_later(left, self._judge_time)
            return
        self._replace(self._child, partial(too_slow, self._time_limit))

    def _lose(self, child: Child) -> None:
        if child is not self._child:
            return
        if not child.is_ready:
            self._discard(child)
            self._fail_all(child.noise or str(child.exit_code))
            return
        self._replace(child, partial(loss, exit_code=child.exit_code, seconds=self._time_limit))

    def _replace(self, child: Child, failure: Callable[[Template], RenderError]) -> None:
        begun = child.unanswered
        self._discard(child)
        self._blame(begun, failure)
        self._queued.extendleft(reversed(self._sent))
        self._sent.clear()
        if self._queued:
            self._send()

    def _discard(self, child: Child) -> None:
        self._child = None
        child.kill()
        self._discarded.append(child)

    def _blame(self, begun: int, failure: Callable[[Template], RenderError]) -> None:
        for job in self._sent:
            job.attempts += 1
        guilty = max(begun, 1) - 1
        if guilty < len(self._sent) and (begun or self._sent[0].attempts >= MAX_ATTEMPTS):
            job = self._sent[guilty]
            del self._sent[guilty]
            _fail(job, failure(job.template))

    def _fail_all(self, reason: str) -> None:
        for job in (*self._sent, *self._queued):
            _fail(job, not_started(reason, job.template))
        self._sent.clear()
        self._queued.clear()

    def _cancel_handles(self) -> None:
        for handle in (self._flush, self._timer):
            if handle is not None:
                handle.cancel()
        self._flush = self._timer = None


def _settle(job: _Job, line: bytes) -> None:
    try:
        result = answer(line)
    except RenderError as error:
        _fail(job, error)
        return
    if not job.answer.done():
        job.answer.set_result(result)


def _heed_nothing(rendered: asyncio.Future[JSON]) -> None:
    if not rendered.cancelled():
        rendered.exception()


def _fail(job: _Job, error: RenderError) -> None:
    if not job.answer.done():
        job.answer.set_exception(error)
