"""Kills a watch at random moments while a file is saved under it; then another one goes on, or a run."""

import signal
import time
from collections.abc import Iterator

from tests.torture.bench import Bench, Finding
from tests.torture.commands import IN_FLIGHT
from tests.torture.judge import Judge
from tests.torture.place import Place

ROWS = 12
LIMIT = str(IN_FLIGHT)
PAUSE = 0.12  # s, the longest between two saves
SAVES = 4  # at most before a kill
WAIT = 4.0  # s for a watch to ask anything


def watch_kills(bench: Bench) -> Iterator[Finding]:
    """Let a watch be killed a few times over saves, then let a run bring the last state to its end."""
    faults: list[str] = []
    kills = 0
    for round_ in range(bench.some(10, 1, fully=20)):
        judge = Judge(_place(bench))
        found = [fault for _ in range(bench.some(5, 2)) for fault in _killed(bench, judge)]
        found += judge.at_end(judge.place.start_run().end())
        kills += len(judge.crashes)
        faults += [f"round {round_} of seed {bench.seed}: {fault}" for fault in found]
    yield Finding("watch, killed at random moments while files are saved", kills, tuple(faults))


def _place(bench: Bench) -> Place:
    place = bench.place(rows=ROWS)
    place.provider.configure(latency_ms=10, jitter_ms=40)
    return place


def _killed(bench: Bench, judge: Judge) -> Iterator[str]:
    place = judge.place
    watch = place.start("watch", "words", "--json", "--max-concurrency", LIMIT)
    _save_some(bench, place)
    watch.send(signal.SIGKILL)
    code = watch.end().code
    if code != -signal.SIGKILL:
        yield f"the watch ended with {code}"
    yield from judge.after_crash()


def _save_some(bench: Bench, place: Place) -> None:
    """Save the prompt of the first step, as it was or otherwise, some times from the first call on."""
    before = place.provider.sent_count
    until = time.monotonic() + WAIT * bench.random.random()
    while place.provider.sent_count == before and time.monotonic() < until:
        time.sleep(0.01)
    for _ in range(bench.random.randint(0, SAVES)):
        time.sleep(bench.random.uniform(0, PAUSE))
        place.lab.write("prompts/say.j2", f"Say {'again ' * bench.random.randint(0, 2)}{{{{ word }}}}")
    time.sleep(bench.random.uniform(0, PAUSE))
