"""Which trial is run next: one after the other, or as many repeats of a row as it takes to decide it."""

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import field
from itertools import islice
from typing import Protocol

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.plan import Cell, Plan, Trial
from promptlab.schemas.dataset import Row
from promptlab.schemas.run import TrialKey, TrialStatus
from promptlab.schemas.standing import Standing


@frozen
class Decision:
    """What the end of a trial means: repeats that are not needed any more, and whether something failed.

    What fails is the trial, or the row that it decided.
    """

    spared: int = 0
    has_failed: bool = False


UNDECIDED = Decision()


class Upcoming(Protocol):
    """Gives trials to many workers; each tells how its trial ended before it asks for another."""

    async def next(self) -> Trial | None: ...

    def end(self, key: TrialKey, status: TrialStatus) -> Decision: ...


def upcoming(plan: Plan) -> Upcoming:
    return UntilDecided(plan) if plan.is_sequential else InOrder(plan.trials())


@slotted
class InOrder:
    trials: Iterator[Trial]

    async def next(self) -> Trial | None:
        return next(self.trials, None)

    def end(self, key: TrialKey, status: TrialStatus) -> Decision:
        del key
        return Decision(has_failed=status in ("failed", "errored"))


@slotted
class _Open:
    """A row in a cell that is not decided. `issued`: the repeats up to there are made, or about to be."""

    standing: Standing
    rest: Iterator[Trial]
    issued: int = 0
    running: int = 0
    was_decided: bool = False
    is_left: bool = False


type _Unit = tuple[int, str]  # row, cell


@slotted
class UntilDecided:
    """Further repeats of rows that have begun come before new rows, so that few rows are open at a time.

    Of a row as many repeats are run side by side as are needed in any case; the next ones come when all of
    those have ended. Repeats that a resumed run has on record are not made again; one that is missing among
    them is.
    """

    plan: Plan
    _units: Iterator[tuple[Row, Cell]] = field(init=False)
    _ready: deque[Trial] = field(default_factory=deque)
    _open: dict[_Unit, _Open] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._units = self.plan.units()

    async def next(self) -> Trial | None:
        """Give the next trial; waits where the end of another may bring one. None: there are no more."""
        while not self._ready:
            unit = next(self._units, None)
            if unit is not None:
                self._begin(*unit)
            elif self._open:
                self._changed.clear()
                await self._changed.wait()
            else:
                return None
        return self._ready.popleft()

    def end(self, key: TrialKey, status: TrialStatus) -> Decision:
        """Take how a trial ended; `left`: it did not come to an end, and its row is not decided."""
        unit = key.row, key.cell
        row = self._open[unit]
        row.running -= 1
        row.is_left = row.is_left or status == "left"
        row.standing.add(status)
        if row.running:
            return UNDECIDED
        if not row.is_left and row.standing.further:
            self._issue(row, row.standing.further)
            return UNDECIDED
        del self._open[unit]
        self._changed.set()
        return UNDECIDED if row.is_left else self._decided(row)

    def _begin(self, row: Row, cell: Cell) -> None:
        kept = self._kept(row, cell)
        issued = max(kept, default=-1) + 1
        rest = (trial for trial in self.plan.repeats(row, cell) if trial.key.repeat not in kept)
        standing = Standing(self.plan.repeat, Counter(kept.values()))
        found = _Open(standing, rest, issued, was_decided=not standing.further)
        due = max(standing.further, issued - len(kept))
        if due:
            self._open[row.index, cell.name] = found
            self._issue(found, due)

    def _kept(self, row: Row, cell: Cell) -> dict[int, TrialStatus]:
        """Give how repeats ended that are on record, by their number."""
        if self.plan.kept is None:
            return {}
        found = {trial.key.repeat: self.plan.kept(trial.key) for trial in self.plan.repeats(row, cell)}
        return {number: status for number, status in found.items() if status is not None}

    def _issue(self, row: _Open, count: int) -> None:
        trials = list(islice(row.rest, count))
        row.running += len(trials)
        row.issued = max(row.issued, trials[-1].key.repeat + 1)
        self._ready.extend(trials)
        self._changed.set()

    def _decided(self, row: _Open) -> Decision:
        spared = 0 if row.was_decided else self.plan.repeat.count - row.issued
        return Decision(spared, row.standing.has_failed)
