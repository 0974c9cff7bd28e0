"""Another process that holds the log: for a while, and for longer than anybody waits."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from promptlab.core.database import BUSY_SECONDS
from tests.lab import Ended
from tests.torture.bench import Bench, Finding
from tests.torture.disk_faults import broken_off
from tests.torture.judge import Judge
from tests.torture.place import Place


def locks(bench: Bench) -> Iterator[Finding]:
    """Hold the log in an exclusive transaction while a run begins, and while one is under way."""
    seconds = bench.some(5, 1)
    yield Finding(f"the log held for {seconds} s as a run begins", 1, tuple(_held(bench, seconds)))
    yield Finding(
        f"the log held for {seconds} s in the middle", 1, tuple(_held_in_the_middle(bench, seconds))
    )
    if bench.thorough:
        yield Finding(f"the log held for more than {BUSY_SECONDS} s", 1, tuple(_held_too_long(bench)))


@contextmanager
def _holding(place: Place) -> Iterator[None]:
    with closing(sqlite3.connect(place.log, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def _held(bench: Bench, seconds: float) -> Iterator[str]:
    place = bench.place()
    place.say("db", "upgrade")
    with _holding(place):
        command = place.start_run()
        time.sleep(seconds)
        if asked := place.asked():
            yield f"{len(asked)} calls were sent before their intents could be on record"
    yield from _well_ended(bench, place, command.end())


def _held_in_the_middle(bench: Bench, seconds: float) -> Iterator[str]:
    place = bench.place()
    bench.provider.configure(latency_ms=100)
    command = place.start_run()
    bench.provider.wait_for_requests(1)
    with _holding(place):
        time.sleep(seconds)
    yield from _well_ended(bench, place, command.end())


def _well_ended(bench: Bench, place: Place, end: Ended) -> Iterator[str]:
    if "locked" in end.err:
        yield f"it spoke of a lock: {end.err.strip()[-300:]!r}"
    yield from Judge(place).at_end(end, bench.uninterrupted)


def _held_too_long(bench: Bench) -> Iterator[str]:
    place = bench.place()
    place.say("db", "upgrade")
    with _holding(place):
        started = time.monotonic()
        end = place.start_run().end()
        took = time.monotonic() - started
    yield from broken_off(place, end)
    if took < BUSY_SECONDS:
        yield f"it gave up after {took:.0f} s"
    if place.asked():
        yield f"{len(place.asked())} calls were sent"
    yield from Judge(place).at_end(place.start_run().end(), bench.uninterrupted)
