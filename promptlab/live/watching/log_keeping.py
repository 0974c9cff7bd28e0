"""The run log of a watch: open from run to run, and opened anew where it is another one."""

from collections.abc import Callable
from typing import Self

from promptlab.core.frozen import slotted
from promptlab.live.project_log import open_log
from promptlab.loader.project import Project
from promptlab.services.run_log import RunLog

LOST = (
    "warning: the run log {} is {} since it was opened: what this watch paid for is not on record any more, "
    "and is bought again where it is needed"
)


@slotted
class KeptLog:
    """Opens the log when it is first asked for; a context manager.

    It is another one where the settings say so, and where its file was deleted or replaced, as by a clean-up
    of what git ignores: what is written to a file that has no name any more would be lost. That is told.
    """

    tell: Callable[[str], None]
    _log: RunLog | None = None
    _said: str | None = None
    _identity: object = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def of(self, project: Project) -> RunLog:
        """Give the open log of the project; raises StorageError."""
        log, said = self._log, project.settings.database_url
        if log is not None and said == self._said:
            found = log.store.identity()
            if found == self._identity:
                return log
            self.tell(LOST.format(log.name, "gone" if found is None else "another one"))
        self.close()
        self._log, self._said = open_log(project), said
        self._identity = self._log.store.identity()
        return self._log

    def close(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            log.close()
