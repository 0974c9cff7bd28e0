"""Who hears of which run: of those of this server as they go, of others by looking at the log."""

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

from promptlab.core.errors import StorageError
from promptlab.core.ids import lowest_id
from promptlab.live.hosting.channel import Channel
from promptlab.live.hosting.figures import figures_in
from promptlab.live.hosting.records import Records
from promptlab.schemas.log import RunRecord

STATE = "moved"
LOOK_SECONDS = 1.0  # between looks at runs of other processes, while anybody listens
OVERVIEW_SECONDS = 0.5  # between two tellings of one run to whoever follows all


class Broadcast:
    """`all` is for whoever follows all runs. `own` gives the runs of this server that go on."""

    def __init__(self, records: Records, *, own: Callable[[], Collection[str]]) -> None:
        self.all = Channel()
        self._records = records
        self._own = own
        self._channels: dict[str, Channel] = {}
        self._awaiting: dict[str, dict[str, Any] | None] = {}
        self._elsewhere: dict[str, dict[str, Any]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._newest = lowest_id(time.time())

    async def follow(self, run_id: str) -> Channel:
        """Give what tells of a run; of one that has ended that it has, and how. Raises NotFound."""
        self._look()
        if run_id in self._channels:
            return self._channels[run_id]
        record = await asyncio.to_thread(self._records.find, run_id)
        if record.status == "running":
            return self._channel(run_id)
        channel = Channel()
        channel.tell("ended", _of(run_id, figures_in(record)))
        channel.close()
        return channel

    def follow_all(self) -> Channel:
        self._look()
        return self.all

    def begun(self, run_id: str, pipeline: str) -> None:
        told = {"run": run_id, "pipeline": pipeline}
        self._channel(run_id).tell("begun", told)
        self.all.tell("begun", told)

    def moved(self, run_id: str, figures: Mapping[str, Any]) -> None:
        told = _of(run_id, figures)
        self._channel(run_id).tell_state(STATE, "moved", told)
        if run_id not in self._awaiting:
            self._tell_all(run_id, told)
        else:
            self._awaiting[run_id] = told

    def text(self, run_id: str, step: str, text: str | None) -> None:
        """Tell who follows a run a piece of an answer; None: it was broken off, and comes anew."""
        self._channel(run_id).tell("text", {"run": run_id, "step": step, "text": text})

    def ended(self, run_id: str, record: RunRecord | None) -> None:
        """Tell all who listen to a run, and let them go; `record` None: it never began."""
        channel = self._channels.pop(run_id, None)
        self._awaiting.pop(run_id, None)
        self.all.forget(run_id)
        if record is not None:
            told = _of(run_id, figures_in(record))
            self.all.tell("ended", told)
            if channel is not None:
                channel.tell("ended", told)
        if channel is not None:
            channel.close()

    def removed(self, run_id: str) -> None:
        self.all.tell("removed", {"run": run_id})

    def close(self) -> None:
        """Let all listeners go."""
        if self._looking is not None:
            self._looking.cancel()
        for channel in (*self._channels.values(), self.all):
            channel.close()

    def _tell_all(self, run_id: str, told: dict[str, Any]) -> None:
        """Tell how far a run is, and once more in a while if it moved on until then."""
        self.all.tell_state(run_id, "moved", told)
        self._awaiting[run_id] = None
        asyncio.get_running_loop().call_later(OVERVIEW_SECONDS, self._tell_late, run_id)

    def _tell_late(self, run_id: str) -> None:
        told = self._awaiting.pop(run_id, None)
        if told is not None:
            self._tell_all(run_id, told)

    def _channel(self, run_id: str) -> Channel:
        return self._channels.setdefault(run_id, Channel())

    def _look(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_elsewhere())

    async def _look_elsewhere(self) -> None:
        """Tell of runs of other processes for as long as anybody listens."""
        while True:
            with suppress(StorageError):  # another look may do better
                await self._look_once()
            await asyncio.sleep(LOOK_SECONDS)
            if not any(channel.listeners for channel in (self.all, *self._channels.values())):
                return

    async def _look_once(self) -> None:
        own, known = {*self._own()}, {*self._elsewhere, *self._channels}
        records = await asyncio.to_thread(self._records.under_way, known, self._newest)
        own |= {*self._own()}  # one that ended meanwhile has been told of, and one that began
        self._newest = max((self._newest, *(record.id for record in records)))
        for record in records:
            if record.id not in own:
                self._tell(record)
        for run_id in known - own - {record.id for record in records}:
            self._elsewhere.pop(run_id, None)  # it was deleted
            self.ended(run_id, None)

    def _tell(self, record: RunRecord) -> None:
        figures = figures_in(record)
        before = self._elsewhere.get(record.id)
        if before is None:
            self.begun(record.id, record.pipeline)
        if record.status != "running":
            self._elsewhere.pop(record.id, None)
            self.ended(record.id, record)
        elif figures != before:
            self._elsewhere[record.id] = figures
            self.moved(record.id, figures)


def _of(run_id: str, figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"run": run_id, **{name: value for name, value in figures.items() if name != "kind"}}
