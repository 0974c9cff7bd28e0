"""In which places a row does another thing than before, and why."""

from collections.abc import Container, Iterator, Mapping, Sequence

from promptlab.core.frozen import frozen
from promptlab.live.affected.reasons import FILE, NEW_ROW, NEW_STEP, ROW, Reasons
from promptlab.live.affected.records import NO_RECORD, CellRecord, PlaceRecord
from promptlab.schemas.affected import Effect, Why

type Difference = tuple[str, Effect, Sequence[Why]]


def new_row(now: CellRecord) -> Iterator[Difference]:
    """Give what a row that was not there before asks."""
    asking = [place for place, record in now.items() if any(record.asks)]
    for place in asking:
        yield place, "calls", [NEW_ROW]
    if not asking:
        yield "", "verdicts", [NEW_ROW]


@frozen
class Differing:
    """`is_changed`: what prompts may use of the row is not what it was."""

    reasons: Mapping[str, Reasons]
    was: CellRecord
    now: CellRecord
    is_changed: bool

    def all(self) -> Iterator[Difference]:
        found = {place: one for place in self.now if (one := self._difference(place)) is not None}
        for place, (effect, whys) in found.items():
            if not self._is_told_inside(place, found):
                yield place, effect, whys

    def _difference(self, place: str) -> tuple[Effect, Sequence[Why]] | None:
        now, was, reasons = self.now[place], self.was.get(place, NO_RECORD), self.reasons[place]
        if now.asks != was.asks and any(now.asks):
            return "calls", self._whys(place, [*reasons.asks, *reasons.judged], FILE)
        if self._comes_out_otherwise(was, now, reasons):
            told = [*(reasons.asks if now.asks != was.asks else ()), *self._read(was, now, reasons)]
            return "verdicts", self._whys(place, told, ROW)
        return None

    def _is_told_inside(self, place: str, found: Container[str]) -> bool:
        """Whether the steps inside a step tell all that is to be told of it."""
        reasons = self.reasons[place]
        inside = (path for path in self.now if place and path.startswith(f"{place}."))
        return not (reasons.judged or reasons.result) and any(path in found for path in inside)

    def _comes_out_otherwise(self, was: PlaceRecord, now: PlaceRecord, reasons: Reasons) -> bool:
        """Whether what comes of a place is another thing; not if it is so in steps inside it alone."""
        if reasons.judged or now.judged != was.judged:
            return True
        return now.gives != was.gives and (bool(reasons.result) or not reasons.is_around)

    def _read(self, was: PlaceRecord, now: PlaceRecord, reasons: Reasons) -> Iterator[Why]:
        if now.gives != was.gives:
            yield from reasons.result
        yield from reasons.judged
        if now.judged != was.judged:
            yield ROW

    def _whys(self, place: str, told: Sequence[Why], otherwise: Why) -> Sequence[Why]:
        if place and self.reasons[place].is_new:
            return [NEW_STEP]
        whys = [*told, *([ROW] if self.is_changed else []), *self._upstream(place)]
        return list(dict.fromkeys(whys)) or [otherwise]

    def _upstream(self, place: str) -> Iterator[Why]:
        for needed in self.reasons[place].needed:
            now, was = self.now.get(needed, NO_RECORD), self.was.get(needed, NO_RECORD)
            if now.gives != was.gives:
                yield Why("step", needed)
