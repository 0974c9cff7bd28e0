"""Pages of pairs: those after a cursor that fit a filter; they are searched for so long, no longer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from time import monotonic

from promptlab.core.errors import UsageError
from promptlab.core.json import as_text
from promptlab.live.paired.lineup import Lineup
from promptlab.schemas.paired import Change, Pair, PairFilter, PairPage
from promptlab.schemas.reason import NOT_PASSED, reason_of
from promptlab.schemas.run import TrialResult
from promptlab.services.cursors import cursor_of, key_of

SECONDS = 0.5
AT_ONCE = 50

type Read = Callable[[Sequence[int]], Mapping[int, TrialResult]]
type Place = tuple[int, Change]


@dataclass(frozen=True, slots=True, kw_only=True)
class PairPages:
    """Pages of a lineup, whose trials are read by their numbers."""

    lineup: Lineup
    read_a: Read
    read_b: Read
    clock: Callable[[], float] = monotonic

    def page(self, wanted: PairFilter, *, cursor: str | None = None, limit: int = 20) -> PairPage:
        """Give the pairs after a cursor; raises UsageError for one that no page gave."""
        places = self._after(wanted, cursor)
        if not wanted.reads_trials:
            found = [*zip(range(limit + 1), places, strict=False)]
            shown = [place for _, place in found[:limit]]
            pairs = tuple(pair for _, pair in self._read(shown))
            return PairPage(pairs=pairs, next=self._cursor(shown[-1]) if len(found) > limit else None)
        return self._searched(wanted, places, limit)

    def _searched(self, wanted: PairFilter, places: Iterator[Place], limit: int) -> PairPage:
        until, searched = self.clock() + SECONDS, 0
        found: list[Pair] = []
        for batch in batched(places, AT_ONCE):
            for place, pair in self._read(batch):
                searched += 1
                if fits(wanted, pair):
                    found.append(pair)
                    if len(found) == limit:
                        return PairPage(pairs=tuple(found), next=self._cursor(place), searched=searched)
            if self.clock() > until:
                return PairPage(pairs=tuple(found), next=self._cursor(batch[-1]), searched=searched)
        return PairPage(pairs=tuple(found), next=None, searched=searched)

    def _after(self, wanted: PairFilter, cursor: str | None) -> Iterator[Place]:
        places = self.lineup.places(wanted.changes)
        if cursor is None:
            return places
        (number,) = key_of(cursor, int)
        try:
            last = self.lineup.b.index(number)
        except (ValueError, OverflowError):
            raise UsageError("cursor: it is none of this comparison", hint="begin without one") from None
        return (place for place in places if place[0] > last)

    def _cursor(self, place: Place) -> str:
        return cursor_of(self.lineup.b[place[0]])

    def _read(self, places: Sequence[Place]) -> Iterator[tuple[Place, Pair]]:
        """Read the pairs at some places; one that was deleted meanwhile is left out."""
        a, b = self.lineup.a, self.lineup.b
        before = self.read_a([a[at] for at, _ in places])
        after = self.read_b([b[at] for at, _ in places])
        for at, change in places:
            if a[at] in before and b[at] in after:
                yield (at, change), Pair(change=change, a=before[a[at]], b=after[b[at]])


def fits(wanted: PairFilter, pair: Pair) -> bool:
    """Whether a pair has the tag, the check that did not pass, and the text that are wanted."""
    if wanted.tag is not None and wanted.tag not in map(str, (*pair.a.tags, *pair.b.tags)):
        return False
    if wanted.check is not None and not any(_fails(one, wanted.check) for one in (pair.a, pair.b)):
        return False
    words = wanted.text.casefold() if wanted.text is not None else ""
    return not words or any(words in text.casefold() for one in (pair.a, pair.b) for text in _texts(one))


def _fails(trial: TrialResult, check: str) -> bool:
    return any(one.name == check and one.status in NOT_PASSED for one in trial.all_verdicts)


def _texts(trial: TrialResult) -> Iterator[str]:
    yield trial.key.row_id
    yield as_text(trial.outputs)
    yield reason_of(trial)
    yield from map(as_text, trial.inputs.values())
