"""Hears of the trials of a commit, and tells which rows were answered as a whole."""

from collections import Counter
from collections.abc import Iterator

from promptlab.analysis.row_values import ByRow, Side
from promptlab.engine.plan import Plan
from promptlab.schemas.events import Event, TrialFinished


class Heard:
    """Call it with each event of a run of `plan`, of whose rows all repeats are wanted."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._rows = ByRow(plan.repeat)
        self._done = Counter[tuple[str, str]]()

    def __call__(self, event: Event) -> None:
        if isinstance(event, TrialFinished):
            key = event.result.key
            self._done[key.cell, key.row_id] += 1 + event.spared
            self._rows.add(event.result)

    def lacking(self) -> Iterator[tuple[str, str]]:
        """Give cell and id of the rows of which a trial did not come to its end."""
        for row, cell in self._plan.units():
            if self._done[cell.name, row.id] < self._plan.repeat.count:
                yield cell.name, row.id

    def side(self, lacking: frozenset[tuple[str, str]]) -> Side:
        """Give what the rows say, but for those that are lacking."""
        return {
            cell: {name: values for name, values in rows.items() if (cell, name) not in lacking}
            for cell, rows in self._rows.side().items()
        }
