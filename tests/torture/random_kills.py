"""Kills at random moments, again and again, until the work is done."""

import signal
import time
from collections.abc import Iterator
from contextlib import suppress

from tests.torture.bench import Bench, Finding
from tests.torture.commands import IN_FLIGHT, Command
from tests.torture.judge import Judge
from tests.torture.place import Place

ROWS = 20
EARLY = 0.2  # of the kills come before the first call, if the machine is not very fast
SOON, A_CALL, LONGEST = 0.3, 0.05, 4.0  # s
FURTHER = 12  # calls


def random_kills(bench: Bench) -> Iterator[Finding]:
    """Kill run, then resume, until one survives; the moments come from the seed."""
    place = _place(bench)
    place.start_run().end()
    report = place.report()
    faults: list[str] = []
    kills = 0
    for round_ in range(bench.some(10, 1, fully=30)):
        found, killed = _played(bench, report)
        kills += killed
        faults += [f"round {round_} of seed {bench.seed}: {fault}" for fault in found]
    yield Finding("run and resume, killed at random moments until they end", kills, tuple(faults))


def _played(bench: Bench, report: list[dict[str, object]]) -> tuple[list[str], int]:
    place = _place(bench)
    bench.provider.configure(latency_ms=10, jitter_ms=40)
    judge = Judge(place, 2 * IN_FLIGHT)  # of the step's model and of the judge
    faults: list[str] = []
    while killed_somewhere(bench, place, place.start_next()):
        faults += judge.after_crash()
    return [*faults, *judge.at_end(place.go_on(), report)], len(judge.crashes)


def _place(bench: Bench) -> Place:
    place = bench.place(rows=ROWS)
    place.ask_judges()
    return place


def killed_somewhere(bench: Bench, place: Place, command: Command) -> bool:
    """Kill a command at a random moment; give whether it was still there."""
    if bench.random.random() < EARLY:
        time.sleep(bench.random.uniform(0, SOON))
    else:
        _wait_for_calls(place, bench.random.randint(1, FURTHER))
        time.sleep(bench.random.uniform(0, A_CALL))
    command.send(signal.SIGKILL)
    return command.end().code == -signal.SIGKILL


def _wait_for_calls(place: Place, number: int) -> None:
    """Let it come some calls further, or to its end."""
    with suppress(TimeoutError):
        place.provider.wait_for_requests(place.provider.sent_count + number, wait=LONGEST)
