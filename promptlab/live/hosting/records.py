"""What a server asks the log about the runs that it starts, and writes there of those that died."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from promptlab.core.errors import Conflict, NotFound
from promptlab.live.burial import bury
from promptlab.schemas.log import Removal, RunRecord
from promptlab.services.asked import AskedService
from promptlab.services.removal import RemovalService
from promptlab.services.run_log import RunLog
from promptlab.services.runs import RunService
from promptlab.services.sliced_removal import SlicedRemoval


@dataclass(frozen=True, slots=True)
class Records:
    """Each method takes a session of its own; none is called in an event loop."""

    log: RunLog

    def bury_dead(self) -> None:
        """Write down what became of runs whose process died, so that they can be resumed."""
        with self.log.writing() as session:
            bury(session, self.log)

    def find(self, run_id: str) -> RunRecord:
        """Give a run by its whole id; raises NotFound."""
        with self.log.reading() as session:
            found = RunService(session, is_running=self.log.is_running).with_ids([run_id])
        if not found:
            raise NotFound(f"there is no run '{run_id}'", hint="GET /api/runs shows the runs")
        return found[0]

    def under_way(self, others: Collection[str], newest: str) -> list[RunRecord]:
        """Give the runs that go on, in whatever process, those that began after `newest`, and `others`."""
        with self.log.reading() as session:
            runs = RunService(session, is_running=self.log.is_running)
            return runs.with_ids({*runs.unfinished(newest), *others})

    def asked_under(self, key: str) -> tuple[str, str] | None:
        with self.log.reading() as session:
            return AskedService(session).run_of(key)

    def ended(self, run_id: str) -> RunRecord | None:
        """Give a run whose process has ended, after it was written down what became of it."""
        with self.log.reading() as session:
            found = RunService(session, is_running=self.log.is_running).with_ids([run_id])
        if found and found[0].status == "interrupted":
            self.bury_dead()  # it may have died
        return self.find(run_id) if found else None

    def preview(self, run_id: str, *, answers: bool) -> dict[str, Any]:
        """Say what removing a run takes away; changes nothing."""
        self.find(run_id)
        with self.log.reading() as session:
            return _told(self._removals(session).preview((run_id,), answers=answers))

    def remove(self, run_id: str, *, answers: bool) -> dict[str, Any]:
        """Take a run away; raises Conflict while it is running."""
        self.find(run_id)
        if self.log.is_running(run_id):
            raise Conflict(f"run {run_id} is still running", hint="wait for its end, or cancel it")
        return _told(SlicedRemoval(log=self.log).remove((run_id,), answers=answers))

    def _removals(self, session: Any) -> RemovalService:
        return RemovalService(session, is_running=self.log.is_running)


def _told(removal: Removal) -> dict[str, Any]:
    return asdict(removal)
