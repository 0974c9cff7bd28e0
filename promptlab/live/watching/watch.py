"""The watch: saves and keys become turns; nothing is spent unseen, and nothing but the user ends it."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import field, replace
from itertools import count
from typing import Literal

from promptlab.core.errors import PromptlabError, UsageError
from promptlab.core.frozen import slotted
from promptlab.engine.worker import Printed
from promptlab.live.running import RunRequest
from promptlab.live.summary import LIMITED
from promptlab.live.watching.agenda import Agenda
from promptlab.live.watching.allowance import Allowance
from promptlab.live.watching.ending import Ending
from promptlab.live.watching.following import Files, Follower
from promptlab.live.watching.left_behind import left_in_doubt
from promptlab.live.watching.loading import OF_ALL, Entry, Loading
from promptlab.live.watching.log_keeping import KeptLog
from promptlab.live.watching.turn import Cause, Turn
from promptlab.live.watching.turning import Ran, Turner
from promptlab.live.watching.view import Standing, Status, View
from promptlab.live.workshop import Workshop

SAVED = "a file was saved"
MEND_FIRST = "the settings are to be mended first"

type Wish = Literal["all", "failed", "all-fresh", "failed-fresh"]
type Due = tuple[Cause, list[Entry], RunRequest]


@slotted
class Watch:
    """Watches until it is told to end. `can_answer`: somebody is there to press keys.

    `request.max_cost` is a ceiling for all that the watch spends, and so is the one of promptlab.yaml.
    """

    loading: Loading
    request: RunRequest
    logs: KeptLog
    view: View
    can_answer: bool = True
    allowance: Allowance = field(init=False)
    ending: Ending = field(init=False)
    _agenda: Agenda = field(default_factory=Agenda)
    _is_paused: bool = False
    _is_unusable: bool = False
    _wish: Wish | None = None
    _cause: Cause = "start"
    _numbers: "count[int]" = field(default_factory=lambda: count(1))
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _follower: Follower = field(init=False)
    _turner: Turner = field(init=False)

    def __post_init__(self) -> None:
        self.allowance = Allowance(self.request.max_cost)
        self._follower = Follower(self.loading, self._settled, self._loaded, self.view.note)
        workshop = Workshop(self.loading.project.root, on_print=self._printed)
        self._turner = Turner(self.logs, self.view, workshop)
        self.ending = Ending(self._turner, self._look_up)

    async def run(self) -> int:
        """Watch; give the exit code. Raises StorageError, and UsageError for what no save mends."""
        async with AsyncExitStack() as stack:
            stack.enter_context(self.loading.memory)
            stack.push_async_callback(self.loading.close)
            workshop = await stack.enter_async_context(self._turner.workshop)
            await workshop.renderer.start()
            await self._begin()
            following = asyncio.create_task(self._follower.run())
            stack.push_async_callback(_cancelled, following)
            await self._next()
            warming = asyncio.create_task(self.loading.warm_up())
            stack.push_async_callback(_cancelled, warming)
            following.add_done_callback(lambda _: self._wake.set())
            while self.ending.code is None and not following.done():
                await self._next()
            if following.done():
                await following  # it never ends but with an error
            return self.ending.code or 0

    def wish(self, wish: Wish) -> None:
        """Run again: all, or what failed; what was recorded is recalled unless it is to be fresh."""
        self._wish = wish
        self._wake.set()

    def pause(self, *, wanted: bool | None = None) -> None:
        """Let saves wait, or no longer: as is `wanted`, else otherwise than now."""
        self._is_paused = not self._is_paused if wanted is None else wanted
        self._look_up()

    def raise_ceiling(self) -> None:
        """Let the session spend so much more as --max-cost said."""
        self.view.note(self.allowance.raise_ceiling())
        if self.allowance.usd is not None:
            self._go_on("raised")

    async def _begin(self) -> None:
        """Load everything, and tell what is in doubt; raises what is wrong with names and options."""
        entries = await self._follower.begin()
        self.loading.require_usable()
        log = self.logs.of(self.loading.project)
        paths = [entry.path for entry in self.loading]
        for doubt in await asyncio.to_thread(lambda: list(left_in_doubt(self.loading.project, log, paths))):
            self.view.doubted(doubt, self.request.on_unknown)
        self._loaded({}, entries)

    async def _next(self) -> None:
        """Run what is due; wait where nothing is."""
        if self.ending.code is not None:
            return
        self._wake.clear()
        due = self._due()
        if due is not None:
            await self._turn(*due)
            return
        self._stand()
        await self._wake.wait()

    def _due(self) -> Due | None:
        """Take what is to be run now, and how."""
        wish, self._wish = self._wish, None
        if self.loading.error is not None:
            if wish is not None:
                self.view.note(MEND_FIRST)
            return None
        if wish is not None:
            self.allowance.reached = None  # it is met again before anything is sent beyond it
            return self._wished(wish)
        if self._is_paused or self.allowance.reached is not None or not self._agenda:
            return None
        return self._cause, self._agenda.take(), self.request

    def _wished(self, wish: Wish) -> Due | None:
        request = replace(self.request, fresh=wish.endswith("fresh"))
        entries = [entry for entry in self.loading if entry.loaded is not None]
        if wish.startswith("all"):
            self._agenda.take()
            return "all", entries, request
        failed = [entry for entry in entries if self._turner.memory(entry.path).failed()]
        if failed:
            return "failed", failed, request
        self.view.note("nothing failed when it was last run")
        return None

    async def _turn(self, cause: Cause, entries: Sequence[Entry], request: RunRequest) -> None:
        number, files, began = next(self._numbers), self._agenda.take_files(), time.monotonic()
        self._cause = "saved"
        self.view.began(number, cause, files)
        ran = await self._run_all(cause, entries, request)
        turn = Turn(
            number=number,
            cause=cause,
            files=files,
            runs=tuple(one.run for one in ran if one.run is not None),
            errors=tuple(one.error for one in ran if one.error is not None),
            spent_usd=self.allowance.spent_usd,
            seconds=time.monotonic() - began,
        )
        if ran:
            self.view.ended(turn)
        await self._turner.note_git(self.loading.project, [run.summary.run_id for run in turn.runs])
        await self._follower.look_around()
        await self.loading.close_worn_out()

    async def _run_all(self, cause: Cause, entries: Sequence[Entry], request: RunRequest) -> list[Ran]:
        """Run one pipeline after the other; what the turn has no time or money for is still due."""
        ran = []
        for entry in entries:
            is_over = self.ending.code is not None or self.allowance.reached is not None
            if is_over or entry.path in self._agenda:
                self._agenda.leave(entry)
            else:
                ran.append(await self._run(cause, entry, request))
        return ran

    async def _run(self, cause: Cause, entry: Entry, request: RunRequest) -> Ran:
        trials = self._turner.memory(entry.path).failed() if cause == "failed" else None
        if trials is None:
            self._agenda.begin(entry)
        request = self.allowance.limited(replace(request, trials=trials))
        self._turner.running = entry.path
        self._stand()
        ran = await self._turner.run(self.loading.project, entry, request)
        self.allowance.spent_usd += ran.spent_usd
        self._stand()
        if ran.error is not None and self._follower.has_moved(entry):
            ran = replace(ran, error=None)
        if cause == "start" and isinstance(ran.error, UsageError):
            raise ran.error
        self._ran(entry, ran)
        return ran

    def _ran(self, entry: Entry, ran: Ran) -> None:
        """See to what is left of a run."""
        if ran.error is not None:
            self._agenda.forget(entry.path)
        if ran.ceiling is not None:
            self._stop_at_ceiling(ran.ceiling)
        if ran.ceiling is not None or ran.was_stopped:
            self._agenda.leave(self.loading.entries.get(entry.path))

    def _stop_at_ceiling(self, reason: str) -> None:
        way_out = self.allowance.meet(reason)
        self.view.note(way_out if self.can_answer else reason)
        if not self.can_answer:
            self.ending.end(LIMITED, "the ceiling is reached")

    def _go_on(self, cause: Cause) -> None:
        """Try again where a ceiling was in the way."""
        if self.allowance.reached is not None:
            self.allowance.reached, self._cause = None, cause
        self._look_up()

    def _settled(self, files: Files) -> None:
        """Stop a run of what is not there any more."""
        running = self.loading.entries.get(self._turner.running or "")
        if running is not None and not running.noted.files.isdisjoint(files):
            self._turner.stop(SAVED)

    def _loaded(self, files: Files, entries: Sequence[Entry]) -> None:
        """Take over what the saved files make of the pipelines."""
        self._agenda.files |= files
        for path in self._agenda.keep(self.loading.entries):
            self.view.note(f"{path} is gone, and is watched no more")
        if self._is_unusable and self.loading.error is None:
            self.view.note("promptlab.yaml is in order again")
        self._is_unusable = self.loading.error is not None
        for entry in entries:
            self._saw(entry)
        errors = [self.loading.error, *(entry.error for entry in entries)]
        self._show_errors(files, [error for error in errors if error is not None])
        if not self._agenda:
            self._agenda.take_files()
        if not OF_ALL.isdisjoint(files):
            self._go_on("saved")
        self._look_up()

    def _saw(self, entry: Entry) -> None:
        if entry.loaded is not None:
            self._turner.workshop.get_ready(entry.loaded.cells)
        if self._agenda.saw(entry, self._follower.tree.known):
            self.view.note(f"{entry.path} is in order again, and as it was last run")
        elif entry.path == self._turner.running and entry.path in self._agenda:
            self._turner.stop(SAVED)

    def _show_errors(self, files: Files, errors: Sequence[PromptlabError]) -> None:
        if errors:
            number, spent = next(self._numbers), self.allowance.spent_usd
            turn = Turn(number=number, cause="saved", files=files, errors=tuple(errors), spent_usd=spent)
            self.view.failed(turn)

    def _printed(self, printed: Printed) -> None:
        self._turner.printed(printed)

    def _look_up(self) -> None:
        """See whether there is something to do now."""
        self._stand()
        self._wake.set()

    def _stand(self) -> None:
        spent, ceiling, files = self.allowance.spent_usd, self.allowance.usd, self._follower.tree.files
        self.view.stands(
            Status(
                standing=self._standing,
                is_paused=self._is_paused,
                files=files,
                spent_usd=spent,
                ceiling_usd=ceiling,
            )
        )

    @property
    def _standing(self) -> Standing:
        if self.ending.code is not None:
            return "ending"
        if self._turner.running is not None:
            return "running"
        if self.allowance.reached is not None:
            return "capped"
        return "paused" if self._is_paused else "watching"


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
