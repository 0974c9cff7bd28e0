"""Where prompts are tried without a call: one thread in which what renders and loads stays warm."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Semaphore

from promptlab.core.errors import Busy
from promptlab.engine.rendering import Renderer
from promptlab.live.playground.looking import Look, Looking, Wanted
from promptlab.live.playground.prompt_text import read_prompt
from promptlab.live.playground.saving import Saved, save
from promptlab.live.serving.opened import Opened
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.project import open_project
from promptlab.services.run_log import RunLog

MOST_WAITING = 8  # looks at once, of which one goes on


class Bench:
    """Looks at edited prompts, one after the other; what it cannot take at once it refuses with Busy."""

    def __init__(self, root: Path, log: RunLog) -> None:
        self._root = root
        self._log = log
        self._room = Semaphore(MOST_WAITING)
        self._thread = ThreadPoolExecutor(1, "playground")
        self._loop = asyncio.Runner()
        self._renderer: Renderer | None = None
        self._memory: LoadingMemory | None = None

    def look(self, wanted: Wanted) -> Look:
        """Give what would be sent; waits for it. Raises UsageError, NotFound, InvalidPipeline and Busy."""
        return self._begin(lambda: self._look(wanted)).result()

    async def look_soon(self, wanted: Wanted) -> Look:
        """Give the same without holding up an event loop."""
        return await asyncio.wrap_future(self._begin(lambda: self._look(wanted)))

    def save(self, wanted: Wanted, text: str, *, expected: str) -> Saved:
        """Write a prompt over its file; raises as `look` does, and Conflict."""
        return self._begin(lambda: self._save(wanted, text, expected)).result()

    def close(self) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _begin[T](self, work: Callable[[], T]) -> Future[T]:
        if not self._room.acquire(blocking=False):
            raise Busy("as many prompts are being rendered as may be at once", hint="ask again in a while")
        future = self._thread.submit(work)
        future.add_done_callback(lambda _: self._room.release())
        return future

    def _look(self, wanted: Wanted) -> Look:
        self._memory = self._memory or LoadingMemory()
        self._renderer = self._renderer or Renderer()
        project = open_project(root=self._root)
        return self._loop.run(Looking(project, self._log, self._memory, self._renderer).look(wanted))

    def _save(self, wanted: Wanted, text: str, expected: str) -> Saved:
        project = open_project(root=self._root)
        found = wanted.found(project)
        prompt = read_prompt(project.files, found.prompts[found.step(wanted.step)])
        return save(project.root, prompt, text, expected=expected)

    def _close(self) -> None:
        if self._renderer is not None:
            self._loop.run(self._renderer.close())
        if self._memory is not None:
            self._memory.__exit__(None, None, None)
        self._loop.close()


@contextmanager
def benched(opened: Opened) -> Iterator[Bench]:
    bench = Bench(opened.project.root, opened.log)
    try:
        yield bench
    finally:
        bench.close()
