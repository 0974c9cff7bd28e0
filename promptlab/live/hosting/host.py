"""The runs of a server: at most so many at once, each in a process of its own, within one ceiling."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from promptlab.core.errors import Busy, Conflict, NotFound, PromptlabError, StorageError, UsageError
from promptlab.core.ids import new_id
from promptlab.live.hosting.broadcast import Broadcast
from promptlab.live.hosting.errors import died, error_of
from promptlab.live.hosting.hosted import OF_SERVER
from promptlab.live.hosting.order import Frame, Order
from promptlab.live.hosting.process import RunProcess
from promptlab.live.hosting.purse import ServerPurse
from promptlab.live.hosting.records import Records
from promptlab.live.playground.tried import Tried
from promptlab.loader.files import ProjectFiles
from promptlab.loader.project import YAML, Project
from promptlab.schemas.log import RunRecord
from promptlab.services.asked import asked_under
from promptlab.services.run_log import RunLog

END_SECONDS = 15.0  # that a run has to end in good order: 10 for its calls, and some to record them


@dataclass(slots=True)
class HostedRun:
    """A run whose process lives, or is about to; `begun` is done once it is in the log, or was refused.

    `record`: how it ended, once it has.
    """

    order: Order
    spent_before: float | None = 0.0
    begun: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    process: RunProcess | None = None
    record: RunRecord | None = None

    @property
    def id(self) -> str:
        return self.order.run_id

    @property
    def spent(self) -> float | None:
        """What it spent in this server, in USD; None: unknown."""
        before, after = self.spent_before, self.record.spent_usd if self.record is not None else None
        if before is None or after is None:
            return None if self.has_begun else 0.0
        return after - before

    @property
    def has_met_ceiling(self) -> bool:
        reason = self.record.reason if self.record is not None else None
        return reason is not None and OF_SERVER in reason

    @property
    def has_begun(self) -> bool:
        return self.begun.done() and self.begun.exception() is None


class RunHost:
    """Starts runs and ends them. `most` at once; `max_cost` in USD is what all of them may spend."""

    def __init__(self, project: Project, log: RunLog, *, most: int, max_cost: float | None) -> None:
        self._project = project
        self._root = str(project.root)
        self._most = most
        self._purse = ServerPurse(max_cost)
        self._live: dict[str, HostedRun] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._asked: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._is_closed = False
        self.records = Records(log)
        self.broadcast = Broadcast(self.records, own=self._live.keys)

    async def start(self, pipeline: str, said: Mapping[str, Any], *, key: str | None = None) -> str:
        """Begin a run and give its id, once it is in the log; under a `key` that was used, the run of then.

        `said`: its options by the names of their flags. Raises NotInOrder with the problems of a pipeline,
        UsageError, NothingToRun, LimitReached and Busy.
        """
        await asyncio.to_thread(self._require_pipeline, pipeline)
        if key is None:
            return await self._start(pipeline, said, {})
        made_with = asked_under(key, {"pipeline": pipeline, **said})
        lock = self._asked.setdefault(key, asyncio.Lock())
        async with lock:  # whoever tries again waits for what it began
            before = await self._run_of(key, made_with)
            return before or await self._start(pipeline, said, made_with)

    async def try_out(self, tried: Tried, *, max_cost: float | None) -> str:
        """Begin a run of one row with an edited prompt; as `start` otherwise."""
        said = {**tried.said, **({"max_cost": max_cost} if max_cost is not None else {})}
        order = Order(
            root=self._root,
            run_id=new_id(),
            pipeline=tried.pipeline,
            said=said,
            made_with=tried.made_with,
            tried=tried,
        )
        return await self._begin(order, max_cost, 0.0)

    def has_live(self, run_id: str) -> bool:
        """Say whether it is a run of this server that has begun and goes on."""
        live = self._live.get(run_id)
        return live is not None and live.has_begun

    @property
    def room(self) -> float | None:
        """What may still be spent, in USD; None: there is no ceiling."""
        return self._purse.room

    async def resume(self, run_id: str, how: Mapping[str, Any]) -> str:
        """Go on with a run; raises NotFound, Conflict where it goes on already, and otherwise as `start`."""
        record = await asyncio.to_thread(self.records.find, run_id)
        if record.id in self._live or record.status == "running":
            raise Conflict(f"run {record.id} is still running", hint="wait for its end, or cancel it")
        limit: Any = how.get("max_cost") or record.options.get("max_cost")
        wanted = None if limit is None else max(0.0, limit - (record.spent_usd or 0.0))
        order = Order(root=self._root, run_id=run_id, how=dict(how))
        return await self._begin(order, wanted, record.spent_usd)

    async def cancel(self, run_id: str) -> None:
        """End a run: the first time calls in flight are awaited, the second time they are not."""
        live = self._live.get(run_id)
        if live is None or live.process is None:
            record = await asyncio.to_thread(self.records.find, run_id)
            if record.status == "running" and record.id not in self._live:
                raise Conflict(
                    f"run {run_id} is running in process {record.pid}, not in this server",
                    hint="stop it with Ctrl-C there",
                )
            raise Conflict(f"run {run_id} has ended: {record.status}")
        live.process.cancel()

    async def remove(self, run_id: str, *, answers: bool) -> dict[str, Any]:
        """Take a run out of the log and give what went; raises NotFound, and Conflict while it is running."""
        removed = await asyncio.to_thread(self.records.remove, run_id, answers=answers)
        self.broadcast.removed(run_id)
        return removed

    def spend_nothing(self, reason: str, *, hint: str) -> None:
        """Begin no run: there is no money for any; `reason` and `hint` are told."""
        self._purse.close(reason, hint=hint)

    def leave(self) -> None:
        """Begin to end: no run begins any more, those that go on are told to end, and listeners let go."""
        self._is_closed = True
        for live in self._live.values():
            if live.process is not None:
                live.process.let_go()
        self.broadcast.close()

    async def close(self) -> None:
        """Have all runs end in good order, resumable; those that take too long are killed."""
        self.leave()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=END_SECONDS)
        for live in self._live.values():
            if live.process is not None:
                live.process.kill()
        await asyncio.gather(*self._tasks)

    async def _start(self, pipeline: str, said: Mapping[str, Any], made_with: Mapping[str, Any]) -> str:
        order = Order(
            root=self._root, run_id=new_id(), pipeline=pipeline, said=dict(said), made_with=dict(made_with)
        )
        return await self._begin(order, said.get("max_cost"), 0.0)

    async def _run_of(self, key: str, made_with: Mapping[str, Any]) -> str | None:
        found = await asyncio.to_thread(self.records.asked_under, key)
        if found is None:
            return None
        run_id, order = found
        if order != made_with["asked"]["order"]:
            raise UsageError(
                f"this Idempotency-Key was used for run {run_id}, which was asked for otherwise",
                hint="take a new key for another run",
            )
        return run_id

    async def _begin(self, order: Order, wanted: float | None, spent_before: float | None) -> str:
        self._require_room(order.run_id)
        allowed = self._purse.take(order.run_id, wanted)
        live = HostedRun(replace(order, allowed=allowed), spent_before)
        self._live[order.run_id] = live
        task = asyncio.create_task(self._attend(live))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(live.begun)
        return order.run_id

    def _require_pipeline(self, reference: str) -> None:
        """Raise NotFound at once where no process is needed to find out."""
        project = replace(self._project, files=ProjectFiles(self._project.root))  # as it is now
        path = project.root / project.pipeline(_typed(project.root, reference))
        if not path.is_file():
            raise NotFound(f"there is no pipeline '{reference}'")

    def _require_room(self, run_id: str) -> None:
        if self._is_closed:
            raise Busy("this server is about to end")
        if run_id in self._live:
            raise Conflict(f"run {run_id} goes on already")
        if len(self._live) >= self._most:
            hint = "wait for the end of one, or start the server with a greater --max-runs"
            raise Busy(f"{len(self._live)} runs go on in this server, and no more may at once", hint=hint)

    async def _attend(self, live: HostedRun) -> None:
        """Hear a run to its end."""
        try:
            live.process = await RunProcess.start(live.order)
            if self._is_closed:
                live.process.let_go()
            async for frame in live.process.frames():
                self._hear(live, frame)
        except PromptlabError as error:
            _refuse(live, error)
        except Exception as error:  # noqa: BLE001 - a bug ends neither the server nor its other runs
            self._tell_bug(live, error)
        finally:
            await self._end(live)

    def _tell_bug(self, live: HostedRun, error: Exception) -> None:
        if live.process is not None:
            live.process.kill()
        told = {"message": f"run {live.id} was killed over a bug in promptlab", "exception": error}
        asyncio.get_running_loop().call_exception_handler(told)

    def _hear(self, live: HostedRun, frame: Frame) -> None:
        match frame["kind"]:
            case "begun":
                self.broadcast.begun(live.id, frame["pipeline"])
                if not live.begun.done():
                    live.begun.set_result(None)
            case "moved":
                self.broadcast.moved(live.id, {**frame})
            case "text":
                self.broadcast.text(live.id, frame["step"], frame["text"])
            case "refused":
                _refuse(live, error_of(frame))
            case _:
                pass

    async def _end(self, live: HostedRun) -> None:
        with suppress(StorageError):  # then what it spent is not known
            live.record = await asyncio.to_thread(self.records.ended, live.id)
        self._purse.give_back(live.id, live.spent, has_met_it=live.has_met_ceiling)
        del self._live[live.id]
        _refuse(live, died())
        self.broadcast.ended(live.id, live.record if live.has_begun else None)


def _typed(root: Path, reference: str) -> str:
    is_path = "/" in reference or reference.endswith(YAML)
    return str(root / reference) if is_path else reference


def _refuse(live: HostedRun, error: Exception) -> None:
    if not live.begun.done():
        live.begun.set_exception(error)
        live.begun.exception()  # it is read, though whoever waited may have left
