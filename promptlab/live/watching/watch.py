"""The watch: saves and keys become turns; nothing is spent unseen, and nothing but the user ends it."""

import asyncio
import signal
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Literal

from promptlab.core.errors import PromptlabError, UsageError
from promptlab.engine.worker import Printed
from promptlab.live.interrupts import GRACE_SECONDS, NAMES
from promptlab.live.running import RunRequest
from promptlab.live.summary import LIMITED
from promptlab.live.watching.agenda import Agenda
from promptlab.live.watching.allowance import Allowance
from promptlab.live.watching.following import Files, Follower
from promptlab.live.watching.loading import OF_ALL, Entry, Loading
from promptlab.live.watching.log_keeping import KeptLog
from promptlab.live.watching.turn import Cause, Turn
from promptlab.live.watching.turning import Ran, Turner
from promptlab.live.watching.view import Standing, Status, View
from promptlab.live.workshop import Workshop
from promptlab.loader.project import PIPELINES
from promptlab.loader.sources import FileError

SAVED = "a file was saved"

type Wish = Literal["all", "failed", "all-fresh", "failed-fresh"]
type Due = tuple[Cause, list[Entry], RunRequest]


@dataclass(slots=True)
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
    _agenda: Agenda = field(default_factory=Agenda)
    _ending: int | None = None
    _is_paused: bool = False
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

    async def run(self) -> int:
        """Watch; give the exit code. Raises StorageError, and UsageError for what no save mends."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.loading.close)
            self.logs.of(self.loading.project)
            workshop = await stack.enter_async_context(self._turner.workshop)
            await workshop.renderer.start()
            await self._begin()
            following = asyncio.create_task(self._follower.run())
            stack.push_async_callback(_cancelled, following)
            await self._next()
            warming = asyncio.create_task(self.loading.warm_up())
            stack.push_async_callback(_cancelled, warming)
            following.add_done_callback(lambda _: self._wake.set())
            while self._ending is None and not following.done():
                await self._next()
            if following.done():
                await following  # it never ends but with an error
            return self._ending or 0

    def wish(self, wish: Wish) -> None:
        """Run again: all, or what failed; what was recorded is recalled unless it is to be fresh."""
        self._wish = wish
        self._wake.set()

    def pause(self) -> None:
        """Let saves wait, or no longer."""
        self._is_paused = not self._is_paused
        self._stand()
        self._wake.set()

    def raise_ceiling(self) -> None:
        """Let the session spend so much more as --max-cost said."""
        self.view.note(self.allowance.raise_ceiling())
        if self.allowance.usd is not None:
            self._go_on("raised")

    def interrupt(self, number: signal.Signals) -> None:
        """End in good order; at the second signal at once."""
        if self._ending is not None:
            self._turner.cut()
            return
        self.end(128 + number, NAMES.get(number, number.name))

    def end(self, code: int, reason: str) -> None:
        """Send nothing more, give what is in flight ten seconds to land, and end with this exit code."""
        if self._ending is None:
            self._ending = code
            self._turner.stop(reason)
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self._turner.cut)
            self._stand()
            self._wake.set()

    async def _begin(self) -> None:
        """Load everything; raises what is wrong with names and options."""
        entries = await self._follower.begin()
        if not self.loading.entries:
            folder = self.loading.project.root / PIPELINES
            hint = "write one, or begin with `promptlab init`"
            raise UsageError(f"there are no pipelines in {folder}", hint=hint)
        for entry in entries:
            if isinstance(entry.error, UsageError | FileError):
                raise entry.error
        self._loaded({}, entries)

    async def _next(self) -> None:
        """Run what is due; wait where nothing is."""
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
        if self.allowance.reached is not None:
            if wish is not None:
                self.view.note(self.allowance.reached)
            return None
        if wish is not None:
            return self._wished(wish)
        if self._is_paused or not self._agenda:
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
        self._stand()
        ran = [await self._run(entry, request, cause) for entry in entries if self._may_run(entry)]
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

    def _may_run(self, entry: Entry) -> bool:
        """Say whether a pipeline of a turn is still to be run, and by this turn."""
        if self._ending is None and self.allowance.reached is None and entry.path not in self._agenda:
            return True
        self._agenda.leave(entry)
        return False

    async def _run(self, entry: Entry, request: RunRequest, cause: Cause) -> Ran:
        trials = self._turner.memory(entry.path).failed() if cause == "failed" else None
        if trials is None:
            self._agenda.begin(entry, self._follower.tree.known)
        request = self.allowance.limited(replace(request, trials=trials))
        ran = await self._turner.run(self.loading.project, entry, request)
        self.allowance.spent_usd += ran.spent_usd
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
            self.end(LIMITED, "the ceiling is reached")

    def _go_on(self, cause: Cause) -> None:
        """Try again where a ceiling was in the way."""
        if self.allowance.reached is not None:
            self.allowance.reached, self._cause = None, cause
        self._stand()
        self._wake.set()

    def _settled(self, files: Files) -> None:
        """Stop a run of what is not there any more."""
        running = self.loading.entries.get(self._turner.running or "")
        if running is not None and not running.noted.files.isdisjoint(files):
            self._turner.stop(SAVED)

    def _loaded(self, files: Files, entries: Sequence[Entry]) -> None:
        """Take over what the saved files make of the pipelines."""
        self._agenda.files |= files
        for entry in entries:
            self._saw(entry)
        errors = [self.loading.error, *(entry.error for entry in entries)]
        self._show_errors(files, [error for error in errors if error is not None])
        if not OF_ALL.isdisjoint(files):
            self._go_on("saved")
        self._stand()
        self._wake.set()

    def _saw(self, entry: Entry) -> None:
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

    def _stand(self) -> None:
        files = sum(not name.endswith("/") for name in self._follower.tree.known)
        status = Status(
            standing=self._standing,
            files=files,
            spent_usd=self.allowance.spent_usd,
            ceiling_usd=self.allowance.usd,
        )
        self.view.stands(status)

    @property
    def _standing(self) -> Standing:
        if self._ending is not None:
            return "ending"
        if self._turner.running is not None:
            return "running"
        if self.allowance.reached is not None:
            return "capped"
        return "paused" if self._is_paused else "watching"


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
