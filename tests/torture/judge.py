"""Compares what the provider was asked, by its own journal, with what is on record."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.lab import Ended
from tests.torture.commands import IN_FLIGHT
from tests.torture.place import SECOND, Place


@dataclass(frozen=True, slots=True)
class Crash:
    """What was on record, and how much had been asked, when a process was gone."""

    recorded: frozenset[str]
    asked: int


@dataclass
class Judge:
    """`in_flight`: how many calls a process may have under way."""

    place: Place
    in_flight: int = IN_FLIGHT
    crashes: list[Crash] = field(default_factory=list)

    def after_crash(self) -> Iterator[str]:
        """Say what is wrong with the log of a process that is gone."""
        asked, recorded = self.place.asked(), self.place.recorded()
        self.crashes.append(Crash(frozenset(recorded), len(asked)))
        yield from self.damage()
        for request in asked:
            if request.startswith(SECOND) and request.removeprefix(SECOND) not in recorded:
                yield f"an answer was used and is not on record: {request.removeprefix(SECOND)[:60]}"
        states = self.place.attempts()
        if len(asked) > states.total():
            yield f"{len(asked)} requests came, and {states.total()} attempts are on record"
        if states["intent"] > self.in_flight:
            yield f"{states['intent']} attempts are open, with {self.in_flight} calls in flight"
        if len(open_ := set(asked) - set(recorded)) > self.in_flight * len(self.crashes):
            yield f"{len(open_)} requests have no answer on record, with {self.in_flight} in flight"

    def at_end(self, end: Ended, report: list[dict[str, Any]] | None = None) -> Iterator[str]:
        """Say what is wrong once all was brought to its end; `report`: of a run that nothing disturbed."""
        if end.code != 0:
            yield f"going on ended with {end.code}: {end.err.strip()[-500:]}"
            return
        yield from self.damage()
        yield from self._lost_or_bought_again()
        yield from self._attempts()
        if report is not None and self.place.report() != report:
            yield "the report is not that of an uninterrupted run"

    def damage(self) -> Iterator[str]:
        """Say whether the log is damaged."""
        for (line,) in self.place.query("PRAGMA integrity_check"):
            if line != "ok":
                yield f"integrity check: {line}"

    def _lost_or_bought_again(self) -> Iterator[str]:
        asked, recorded = self.place.asked(), self.place.recorded()
        for crash in self.crashes:
            if lost := crash.recorded - set(recorded):
                yield f"lost: {_listed(lost)}"
            if again := crash.recorded & set(asked[crash.asked :]):
                yield f"on record, and bought again: {_listed(again)}"
        if twice := [request for request, number in recorded.items() if number > 1]:
            yield f"recorded twice: {_listed(twice)}"
        if (more := len(asked) - len(set(asked))) > self.in_flight * len(self.crashes):
            yield f"{more} requests came again after {len(self.crashes)} crashes"

    def _attempts(self) -> Iterator[str]:
        asked, states = len(self.place.asked()), self.place.attempts()
        most = self.in_flight * len(self.crashes)
        if states["intent"]:
            yield f"{states['intent']} attempts are left open"
        if states["unknown"] > most:
            yield f"{states['unknown']} attempts of unknown outcome, and at most {most} were in flight"
        if not asked <= states.total() <= asked + most:
            yield f"{asked} requests came, and {states.total()} attempts are on record"


def _listed(requests: Iterable[str]) -> str:
    return ", ".join(request[:60] for request in sorted(requests))
