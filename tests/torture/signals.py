"""Ctrl-C and SIGTERM at random moments, once and twice."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.lab import Ended, environment
from tests.torture.bench import Bench, Finding
from tests.torture.commands import IN_FLIGHT
from tests.torture.judge import Judge
from tests.torture.place import Place

ROWS = 30
GRACE, AT_ONCE, SLACK = 10, 1, 5  # s; the slack is that of a machine with other work
BEFORE, BEGINNING, ALL = 0.3, 0.3, 2.0  # the share that comes before the first call; s of both parts
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


def signals(bench: Bench) -> Iterator[Finding]:
    """Interrupt runs while they start, run and end; the moments come from the seed."""
    place = bench.place(rows=ROWS)
    place.start_run().end()
    report = place.report()
    rounds = bench.some(10, 1, fully=20)
    for number in CODES:
        found = [fault for _ in range(rounds) for fault in _interrupted(bench, number, report)]
        yield Finding(f"{number.name} at a random moment", rounds, tuple(found))
        found = [fault for _ in range(bench.some(5, 1)) for fault in _twice(bench, number)]
        yield Finding(f"{number.name} twice, while no call is answered", bench.some(5, 1), tuple(found))
    rounds = bench.some(10, 1)
    found = [fault for _ in range(rounds) for fault in _while_starting(bench)]
    yield Finding("a signal while Python itself starts", rounds, tuple(found))


def _interrupted(bench: Bench, number: signal.Signals, report: list[dict[str, object]]) -> Iterator[str]:
    place = bench.place(rows=ROWS)
    bench.provider.configure(latency_ms=50, jitter_ms=50)
    command = place.start_run()
    if bench.random.random() < BEFORE:
        moment = bench.random.uniform(0, BEGINNING)
    else:
        bench.provider.wait_for_requests(1)
        moment = bench.random.uniform(0, ALL)
    time.sleep(moment)
    sent = time.monotonic()
    command.send(number)
    end = command.end()
    took = time.monotonic() - sent
    where = f"after {moment:.2f} s of seed {bench.seed}: "
    faults = [*_ended(end, number, took, GRACE + SLACK), *_no_new_call(place, sent)]
    judge = Judge(place)
    faults += judge.after_crash()
    if place.attempts()["unknown"]:
        faults.append("calls in flight were answered, and are not on record")
    faults += judge.at_end(place.go_on(), report)
    yield from (where + fault for fault in faults)


def _ended(end: Ended, number: signal.Signals, took: float, within: float) -> Iterator[str]:
    if end.code not in (CODES[number], 0):
        yield f"it ended with {end.code}: {end.err.strip()[-300:]!r}"
    if "Traceback" in end.err or "not caught" in end.err:
        yield f"a traceback: {end.err.strip()[-300:]!r}"
    if took > within:
        yield f"it took {took:.1f} s to end"


def _no_new_call(place: Place, moment: float) -> Iterator[str]:
    """Only what was on the wire may still come after the signal, and what leaves as it is heard."""
    late = [request for request in place.provider.requests() if request.monotonic > moment]
    if len(late) > 2 * IN_FLIGHT:
        yield f"{len(late)} calls came after the signal"


def _twice(bench: Bench, number: signal.Signals) -> Iterator[str]:
    place = bench.place(rows=ROWS)
    bench.provider.script({"fault": "hang"})
    command = place.start_run()
    bench.provider.wait_for_requests(IN_FLIGHT)
    command.send(number)
    command.until_said("for the calls in flight")  # two of a kind may be one, if nobody looks between them
    time.sleep(bench.random.uniform(0.01, 0.3))
    sent = time.monotonic()
    command.send(number)
    end = command.end()
    yield from _ended(end, number, time.monotonic() - sent, AT_ONCE + SLACK)
    if (asked := len(place.asked())) != IN_FLIGHT:
        yield f"{asked - IN_FLIGHT} new calls came"
    if place.attempts() != {"unknown": IN_FLIGHT}:
        yield f"on record are {dict(place.attempts())}"


def _while_starting(bench: Bench) -> Iterator[str]:
    place = bench.place()
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "promptlab", "run", "words"]
    number = bench.random.choice(list(CODES))
    process = subprocess.Popen(
        command, cwd=place.lab.root, env=environment(), stdout=pipe, stderr=pipe, text=True
    )
    time.sleep(moment := bench.random.uniform(0.05, 1.0))
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    for fault in _ended(Ended(code, out, err), number, 0, 1):
        yield f"{number.name} after {moment:.2f} s of seed {bench.seed}: {fault}"
