"""Kills `check` at random moments: what its judges said belongs to no run, and is kept all the same."""

from collections.abc import Iterator

from tests.torture.bench import Bench, Finding
from tests.torture.commands import IN_FLIGHT
from tests.torture.judge import Judge
from tests.torture.place import Place
from tests.torture.random_kills import killed_somewhere

ROWS = 20
LIMIT = str(IN_FLIGHT)


def check_kills(bench: Bench) -> Iterator[Finding]:
    """Judge a stored run, and kill that until one survives."""
    faults: list[str] = []
    kills = 0
    for round_ in range(bench.some(5, 1, fully=20)):
        judge = Judge(_place(bench))
        found = [fault for _ in _kills(bench, judge) for fault in judge.after_crash()]
        found += judge.at_end(judge.place.say("check", "last"))
        kills += len(judge.crashes)
        faults += [f"round {round_} of seed {bench.seed}: {fault}" for fault in found]
    yield Finding("check with a judge, killed at random moments until it ends", kills, tuple(faults))


def _kills(bench: Bench, judge: Judge) -> Iterator[None]:
    place = judge.place
    while killed_somewhere(bench, place, place.start("check", "last", "--max-concurrency", LIMIT)):
        yield


def _place(bench: Bench) -> Place:
    """Give a project with a run that no model has judged, and checks that a model judges."""
    place = bench.place(rows=ROWS)
    place.start_run().end()
    place.ask_judges()
    place.provider.configure(latency_ms=10, jitter_ms=40)
    return place
