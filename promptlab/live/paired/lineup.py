"""The pairs of a comparison in the order in which they are shown, by numbers alone, which can be kept."""

from array import array
from collections.abc import Container, Iterator, Mapping

from promptlab.core.frozen import frozen
from promptlab.live.comparing import Compared, matched_cells, no_row_is_shared, paired_trials
from promptlab.schemas.compared import TrialName
from promptlab.schemas.paired import CHANGES, Change, change_of


@frozen
class Lineup:
    """The numbers of the trials at A and B, pair by pair; `counts`: how many pairs changed how, in order."""

    a: "array[int]"
    b: "array[int]"
    counts: Mapping[Change, int]

    def places(self, changes: Container[Change]) -> Iterator[tuple[int, Change]]:
        """Give where the pairs stand that changed so."""
        start = 0
        for change, count in self.counts.items():
            if change in changes:
                yield from ((place, change) for place in range(start, start + count))
            start += count


def line_up(a: Compared, b: Compared, *, variant: str | None = None, against: str | None = None) -> Lineup:
    """Pair the trials of two sides; raises UsageError where no cell, or no row, is at both."""
    cells = matched_cells(a, b, variant=variant, against=against)
    by_change: dict[Change, list[tuple[int, int]]] = {change: [] for change in CHANGES}
    for one, other in paired_trials(a, b, cells):
        by_change[_change(a, one, b, other)].append((a.ended[one].id, b.ended[other].id))
    pairs = [pair for found in by_change.values() for pair in found]
    if not pairs:
        raise no_row_is_shared()
    return Lineup(
        array("q", (one for one, _ in pairs)),
        array("q", (other for _, other in pairs)),
        {change: len(found) for change, found in by_change.items()},
    )


def _change(a: Compared, one: TrialName, b: Compared, other: TrialName) -> Change:
    was, now = a.ended[one], b.ended[other]
    return change_of(was.status, now.status, same_output=was.outputs == now.outputs)
