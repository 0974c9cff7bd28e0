"""The run that an address names, and the earlier one that it is held against."""

from collections.abc import Callable

from sqlalchemy.orm import Session

from promptlab.core.errors import NotFound
from promptlab.core.frozen import frozen
from promptlab.schemas.log import RunRecord
from promptlab.services.run_pages import RunPages
from promptlab.services.runs import RunService

NO_EARLIER = "none"  # in place of a run: hold it against none
_LONGEST = 26


@frozen
class Asked:
    run: RunRecord
    against: RunRecord | None

    @property
    def against_id(self) -> str | None:
        return self.against.id if self.against is not None else None


class AskedRuns:
    """Finds runs for requests; `is_running` says whether the process of one is alive."""

    def __init__(self, session: Session, *, is_running: Callable[[str], bool]) -> None:
        self._runs = RunService(session, is_running=is_running)
        self._pages = RunPages(session, is_running=is_running)

    def run(self, reference: str) -> RunRecord:
        """Give a run by its id, a unique start of one, or `last`. Raises UsageError."""
        if len(reference) > _LONGEST or not reference.isascii() or not reference.isalnum():
            raise NotFound(
                f"there is no run '{reference[:40]}'", hint="an id, a start of one, or `last` is wanted"
            )
        return self._runs.find(reference)

    def both(self, reference: str, against: str | None) -> Asked:
        """Give a run and what it is held against: the run said, else the one before of its pipeline."""
        run = self.run(reference)
        if against == NO_EARLIER:
            return Asked(run, None)
        return Asked(run, self.run(against) if against is not None else self._pages.before(run))
