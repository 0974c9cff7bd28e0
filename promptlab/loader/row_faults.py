"""Rows for which a step surely errors: told before the first call, at the row."""

from array import array
from collections.abc import Sequence
from dataclasses import field

from promptlab.core.frozen import frozen, slotted
from promptlab.loader.alike import Alike
from promptlab.loader.lacking import Needed
from promptlab.loader.problems import Position, Problems
from promptlab.loader.row_needs import RowNeed
from promptlab.loader.selection import Selection
from promptlab.schemas.dataset import Row

__all__ = ["RowFaults"]

MOST = 10_000
HINT = "mend the row, leave it out by the dataset's `where`, or give the step a `when`"


@frozen
class _Fault:
    index: int
    file: str
    line: int
    reason: str


@slotted
class _Faults:
    """The rows that lack one thing; behind the first ten thousand, they are only counted."""

    told: list[_Fault] = field(default_factory=list)
    beyond: array[int] = field(default_factory=lambda: array("I"))

    def add(self, row: Row, reason: str) -> None:
        if len(self.told) < MOST:
            self.told.append(_Fault(row.index, row.file, row.line, reason))
        else:
            self.beyond.append(row.index)


@slotted
class RowFaults:
    """Looks at rows, and remembers which of them do not have what a step needs."""

    needs: Sequence[tuple[RowNeed, Needed]] = ()
    _found: dict[int, _Faults] = field(default_factory=dict)

    def take(self, row: Row) -> None:
        """Look at one more row."""
        for number, (need, _) in enumerate(self.needs):
            reason = need.fault(row.inputs)
            if reason is not None:
                self._found.setdefault(number, _Faults()).add(row, reason)

    def report(self, selection: Selection | None, problems: Problems) -> None:
        """Report each need once, at the first row that is run and lacks it; `selection` None: all are run."""
        for number, faults in self._found.items():
            need, at = self.needs[number]
            told = [fault for fault in faults.told if selection is None or fault.index in selection]
            if not told:
                continue
            first, *others = told
            file, line = (first.file, first.line) if first.file else (at.file, at.line)
            alike = Alike(f"step '{need.step}': {first.reason} ({at.file}:{at.line})", file, line)
            for other in others:
                alike.add(other.file, other.line)
            alike.more += sum(selection is None or index in selection for index in faults.beyond)
            problems.add(file, Position(line, 1), alike.said, code="row", hint=HINT)
