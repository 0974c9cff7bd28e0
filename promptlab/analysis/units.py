"""Counts of units by how they ended: trials, or rows some of whose repeats must pass."""

from collections.abc import Sequence
from dataclasses import field

from promptlab.core.frozen import frozen, slotted
from promptlab.core.marks import Marks
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.run import TrialResult, TrialStatus
from promptlab.schemas.standing import Standing


@frozen
class Counts:
    """Units by how they ended: trials, or rows where `repeat` says how many of their repeats must pass."""

    passed: int = 0
    failed: int = 0
    errored: int = 0
    skipped: int = 0
    left: int = 0

    @property
    def counted(self) -> int:
        return self.passed + self.failed + self.errored + self.left


@slotted
class Units:
    """Counts trials, or rows once they are decided; a decided row stays as it is, whatever comes after.

    `spared`: the repeats that were not needed.
    """

    repeat: Repeat
    ended: dict[TrialStatus, int] = field(default_factory=dict)
    open_rows: dict[tuple[str, int], Standing] = field(default_factory=dict)
    decided: dict[str, Marks] = field(default_factory=dict)
    spared: int = 0

    def add(self, result: TrialResult) -> None:
        if self.repeat.needed is None:
            self._count(result.status)
            return
        row = (result.key.cell, result.key.row)
        decided = self.decided.setdefault(result.key.cell, Marks())
        if decided[result.key.row]:
            self.spared -= 1
            return
        standing = self.open_rows.setdefault(row, Standing(self.repeat))
        standing.add(result.status)
        if not standing.further:
            decided[result.key.row] = 1
            self.spared += self.repeat.count - standing.made
            self._count(_status(self.open_rows.pop(row)))

    def _count(self, status: TrialStatus) -> None:
        self.ended[status] = self.ended.get(status, 0) + 1

    def counts(self, planned_trials: int) -> Counts:
        ended = dict(self.ended)
        for standing in self.open_rows.values():
            status = _status(standing, missing=self.repeat.count - standing.made)
            ended[status] = ended.get(status, 0) + 1
        size = 1 if self.repeat.needed is None else self.repeat.count
        never_came = max(0, planned_trials // size - sum(ended.values()))
        return Counts(
            passed=ended.get("passed", 0),
            failed=ended.get("failed", 0),
            errored=ended.get("errored", 0),
            skipped=ended.get("skipped", 0),
            left=ended.get("left", 0) + never_came,
        )


def _status(standing: Standing, *, missing: int = 0) -> TrialStatus:
    left: list[TrialStatus] = ["left"] * missing
    return row_status([*standing.ended.elements(), *left], standing.repeat.needed or 1)


def row_status(statuses: Sequence[TrialStatus], needed: int) -> TrialStatus:
    """Say how a row ended whose repeats ended so: passed if `needed` did, or all that were not skipped."""
    judged = [status for status in statuses if status != "skipped"]
    if not judged:
        return "skipped"
    passes = judged.count("passed")
    if passes >= needed or passes == len(judged):
        return "passed"
    if "errored" in judged:
        return "errored"
    return "left" if "left" in judged else "failed"
