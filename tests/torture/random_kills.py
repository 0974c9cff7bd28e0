"""Kills at random moments, again and again, until the work is done."""

import signal
import time
from collections.abc import Iterator

from tests.torture.bench import Bench, Finding
from tests.torture.judge import Judge
from tests.torture.place import Place

ROWS = 30
LONGEST = 0.9  # s; about as long as the run takes


def random_kills(bench: Bench) -> Iterator[Finding]:
    """Kill run, then resume, until one survives; the moments come from the seed."""
    place = bench.place(rows=ROWS)
    place.start_run().end()
    report = place.report()
    faults: list[str] = []
    kills = 0
    for round_ in range(bench.some(25, 2)):
        found, killed = _played(bench, report)
        kills += killed
        faults += [f"round {round_} of seed {bench.seed}: {fault}" for fault in found]
    yield Finding("run and resume, killed at random moments until they end", kills, tuple(faults))


def _played(bench: Bench, report: list[dict[str, object]]) -> tuple[list[str], int]:
    place = bench.place(rows=ROWS)
    bench.provider.configure(latency_ms=10, jitter_ms=40)
    judge = Judge(place)
    faults: list[str] = []
    while _killed(bench, place):
        faults += judge.after_crash()
    return [*faults, *judge.at_end(place.go_on(), report)], len(judge.crashes)


def _killed(bench: Bench, place: Place) -> bool:
    """Go on, and kill it at a random moment; give whether it was still there."""
    command = place.start_next()
    time.sleep(bench.random.uniform(0.05, LONGEST))
    command.send(signal.SIGKILL)
    return command.end().code == -signal.SIGKILL
