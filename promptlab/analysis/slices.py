"""Metrics by the value of a column, or by tag."""

from collections import Counter
from collections.abc import Iterator, Mapping

from promptlab.analysis.confusion import OTHER
from promptlab.analysis.measures import Measures
from promptlab.analysis.metrics import NO_SAMPLES, Metrics
from promptlab.analysis.telling import intervals_of
from promptlab.core.json import as_text
from promptlab.schemas.report import Slice, Slices
from promptlab.schemas.run import Sample, TrialResult

TAGS = "$tags"
NOTHING = "(none)"
MOST_SLICES = 100


class Slicing:
    """Adds up trials by what their row says in the column `by`; with `$tags`, once for each of its tags.

    Trials that never came are in no slice. Beyond a hundred values the rest is one, `(other)`. Metrics that
    functions of the project make are only of whole cells.
    """

    def __init__(self, by: str, measures: Measures) -> None:
        self._by = by
        self._measures = measures
        self._slices: dict[str, Metrics] = {}
        self._trials: Counter[tuple[str, str]] = Counter()
        self.columns: set[str] = set()

    def add(self, result: TrialResult, samples: Mapping[str, Sample] = NO_SAMPLES) -> None:
        if result.status == "left":
            return
        self.columns |= (result.columns or {}).keys() | result.inputs.keys()
        for value in self._values(result):
            known = value in self._slices or len(self._slices) < MOST_SLICES
            name = value if known else OTHER
            self._slices.setdefault(name, self._measures.metrics(whole=False)).add(result, samples)
            self._trials[name, result.key.cell] += 1

    def _values(self, result: TrialResult) -> tuple[str, ...]:
        if self._by == TAGS:
            return tuple(dict.fromkeys(result.tags)) or (NOTHING,)
        value = {**result.inputs, **(result.columns or {})}.get(self._by)
        return (NOTHING if value is None else as_text(value),)

    @property
    def is_known(self) -> bool:
        """Whether any row had what is asked for, or there were no rows."""
        return self._by in {TAGS, *self.columns} or not self._slices

    def slices(self) -> Slices:
        return Slices(self._by, tuple(self._all()))

    def _all(self) -> Iterator[Slice]:
        for value in sorted(self._slices):
            for cell in self._slices[value].cells():
                trials = self._trials[value, cell.cell or ""]
                if trials:
                    yield Slice(cell.cell or "", value, trials, cell.values, intervals_of(cell))
