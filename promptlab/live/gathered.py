"""The trials of a cell as functions of the project are given them, from the log or as they end."""

from collections.abc import Callable, Iterable
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON, plain
from promptlab.reports.trial_line import trial_object
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.run import TrialResult, TrialStatus

if TYPE_CHECKING:
    from promptlab.services.run_log import RunLog

ENDED: tuple[TrialStatus, ...] = ("passed", "failed", "errored", "skipped")
MOST_BYTES = 32 * 1024**2  # of the trials of a cell as JSON: they are in memory at once

type Given = Callable[[str], list[JSON]]  # the trials of a cell in order; raises TooLarge


class TooLarge(Exception):
    """The trials of a cell are more than a function can be given."""


@slotted
class Gathered:
    """Trials of a cell, in any order. None is kept once they are more than `most` bytes as JSON."""

    cell: str
    most: int = MOST_BYTES
    size: int = 0
    _kept: list[tuple[tuple[int, int], JSON]] = field(default_factory=list)

    @property
    def is_too_large(self) -> bool:
        return self.size > self.most

    def add(self, trial: TrialResult) -> None:
        if self.is_too_large:
            return
        given = trial_given(trial)
        self._kept.append(((trial.key.row, trial.key.repeat), given))
        self.size += len(plain(given))
        if self.size > self.most:
            self._kept.clear()

    def in_order(self) -> list[JSON]:
        """Give the trials by row and repeat. Raises TooLarge."""
        if self.is_too_large:
            raise TooLarge(f"the trials of '{self.cell}' are more than {self.most / 1024**2:g} MB as JSON")
        return [given for _, given in sorted(self._kept, key=lambda kept: kept[0])]


class Heard:
    """Listens to a run and gathers the trials of some cells."""

    def __init__(self, cells: Iterable[str]) -> None:
        self._cells = {cell: Gathered(cell) for cell in cells}

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished) and event.result.key.cell in self._cells:
            self._cells[event.result.key.cell].add(event.result)

    def given(self, cell: str) -> list[JSON]:
        return self._cells[cell].in_order()


def on_record(log: "RunLog", run_id: str, *, most: int = MOST_BYTES) -> Given:
    """Give the trials that the log has of a run."""
    return partial(_on_record, log, run_id, most)


def _on_record(log: "RunLog", run_id: str, most: int, cell: str) -> list[JSON]:
    from promptlab.services.trials import TrialService  # noqa: PLC0415 - `check` may have no log

    gathered = Gathered(cell, most)
    with log.reading() as session:
        for trial in TrialService(session).of_run(run_id, cell=cell, statuses=ENDED):
            if trial.key.cell == cell:
                gathered.add(trial)
            if gathered.is_too_large:
                break
    return gathered.in_order()


def trial_given(trial: TrialResult) -> dict[str, JSON]:
    """Give a trial as JSONL has it, with all columns of its row, its tags, score and latency."""
    more: dict[str, JSON] = {
        "columns": dict(trial.columns or {}),
        "tags": [*trial.tags],
        "score": trial.score,
        "latency_ms": trial.latency_ms,
    }
    return trial_object(trial) | more
