"""Comparisons of runs in the log, kept by the server while it lives: what they came to, in numbers alone."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from threading import Lock, Semaphore

from sqlalchemy.orm import Session

from promptlab.core.errors import Busy
from promptlab.core.frozen import frozen
from promptlab.live.comparing import Compared, compare
from promptlab.live.comparing_runs import stored_side
from promptlab.live.paired.answers import facts_answer, page_answer
from promptlab.live.paired.lineup import Lineup, line_up
from promptlab.live.paired.paging import PairPages
from promptlab.schemas.api.compare import ComparisonAnswer, FactsAnswer, PairPageAnswer, PairQuery
from promptlab.schemas.log import RunRecord
from promptlab.services.runs import RunService
from promptlab.services.trials import TrialService

KEPT = 8
AT_ONCE = 8  # of the threads that answer, so that others are left; one computes, the others wait
PROCESSES = 2

type Key = tuple[object, ...]


@frozen
class TwoRuns:
    """Runs A and B, which may be one, and which cells of them are held against each other."""

    a: RunRecord
    b: RunRecord
    variant: str | None = None
    against: str | None = None

    @property
    def key(self) -> Key | None:
        """What a comparison of them is kept under; None while one goes on."""
        if "running" in (self.a.status, self.b.status):
            return None
        states = ((run.id, run.status, run.ended_at, run.resumed_at, run.done) for run in (self.a, self.b))
        return (*states, self.variant, self.against)


@dataclass(slots=True)
class Kept:
    """The newest of what was made, by its key; one is made at a time."""

    _lineups: OrderedDict[Key, Lineup] = field(default_factory=OrderedDict)
    _facts: OrderedDict[Key, FactsAnswer] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)
    _room: Semaphore = field(default_factory=lambda: Semaphore(AT_ONCE))
    _processes: Semaphore = field(default_factory=lambda: Semaphore(PROCESSES))

    def lineup(self, key: Key | None, make: Callable[[], Lineup]) -> Lineup:
        return self._kept(self._lineups, key, make)

    def facts(self, key: Key | None, make: Callable[[], FactsAnswer]) -> FactsAnswer:
        return self._kept(self._facts, key, make)

    def has_facts(self, key: Key | None) -> bool:
        return key in self._facts

    def room(self) -> AbstractContextManager[None]:
        """Let so many in; raises Busy for more."""
        return _among(self._room)

    def room_for_process(self) -> AbstractContextManager[None]:
        return _among(self._processes)

    def _kept[T](self, kept: OrderedDict[Key, T], key: Key | None, make: Callable[[], T]) -> T:
        with self._lock:
            found = kept.get(key) if key is not None else None
            if found is None:
                found = make()
            if key is not None:
                kept[key] = found
                kept.move_to_end(key)
                while len(kept) > KEPT:
                    kept.popitem(last=False)
            return found


@contextmanager
def _among(room: Semaphore) -> Iterator[None]:
    if not room.acquire(blocking=False):
        raise Busy("as many comparisons are being made as may be at once", hint="ask again in a while")
    try:
        yield
    finally:
        room.release()


@dataclass(frozen=True, slots=True)
class StoredComparison:
    """Tells of two runs what `compare A B` does. Raises UsageError where they cannot be held together."""

    session: Session
    runs: RunService
    two: TwoRuns
    kept: Kept

    @property
    def has_facts(self) -> bool:
        return self.kept.has_facts(self.two.key)

    def facts(self) -> FactsAnswer:
        """Give what moved, with its statistics."""
        with self.kept.room():
            return self.kept.facts(self.two.key, self._facts)

    def pairs(self, query: PairQuery) -> PairPageAnswer:
        """Give a page of pairs."""
        with self.kept.room():
            lineup = self.kept.lineup(self.two.key, self._lineup)
        read = TrialService(self.session).by_id
        pages = PairPages(lineup=lineup, read_a=read, read_b=read)
        page = pages.page(query.filter, cursor=query.cursor, limit=query.limit)
        return page_answer(lineup, page, a=_places(self.two.a), b=_places(self.two.b))

    def whole(self, query: PairQuery) -> ComparisonAnswer:
        pairs, facts = self.pairs(query), self.facts()
        return ComparisonAnswer(**dict(facts), **dict(pairs))

    def _facts(self) -> FactsAnswer:
        two = self.two
        a, b = self._sides()
        found = compare(a, b, variant=two.variant, against=two.against, told=0)
        return facts_answer(found, gates=two.b.gates)

    def _lineup(self) -> Lineup:
        return line_up(*self._sides(), variant=self.two.variant, against=self.two.against)

    def _sides(self) -> tuple[Compared, Compared]:
        a = stored_side(self.session, self.runs, self.two.a)
        return a, a if self.two.a.id == self.two.b.id else stored_side(self.session, self.runs, self.two.b)


def _places(run: RunRecord) -> dict[str, int]:
    return {cell: number for number, cell in enumerate(run.cells)}
