"""A kill at every system call by which a run changes a file."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.torture.bench import Bench, Finding
from tests.torture.commands import Command
from tests.torture.judge import Judge
from tests.torture.place import Place
from tests.torture.tracing import traced, why_untraceable

type Begin = Callable[[Place], Command]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A kill before the first, the second, … of `calls`, in a command begun anew each time.

    strace counts each thread's calls by themselves. The main thread makes the log and begins the run; once it has
    begun (`begun`) the writer's thread alone writes.
    """

    trouble: str
    calls: str
    begin: Begin
    stride: int = 1


def on_a_new_log(place: Place) -> Command:
    return place.start_run(stop="before")


def on_an_old_log(place: Place) -> Command:
    place.say("run", "words", "--limit", "1")
    return place.start_run(stop="before")


def in_the_middle(place: Place) -> Command:
    return place.start("run", "words", stop="begun")


SWEEPS = (
    Sweep("killed before a write, on a new log", "pwrite64", on_a_new_log, stride=67),
    Sweep("killed before a sync, on a new log", "fdatasync", on_a_new_log, stride=6),
    Sweep("killed before a cut, on a new log", "ftruncate", on_a_new_log, stride=2),
    Sweep("killed before a removal, on a new log", "unlink", on_a_new_log, stride=2),
    Sweep("killed before a write, with answers on record", "pwrite64", on_an_old_log, stride=71),
    Sweep("killed before a write of the run's middle", "pwrite64", in_the_middle, stride=37),
    Sweep("killed before a sync of the run's middle", "fdatasync", in_the_middle, stride=4),
)


def crash_points(bench: Bench) -> Iterator[Finding]:
    """Kill runs at every point until they survive, and finish each."""
    for sweep in SWEEPS:
        reason = why_untraceable()
        yield Finding(sweep.trouble, untried=reason) if reason else _swept(bench, sweep)


def _swept(bench: Bench, sweep: Sweep) -> Finding:
    faults: list[str] = []
    for tried, number in enumerate(bench.points(stride=sweep.stride)):
        found = _killed_at(bench, sweep, number)
        if found is None:
            break
        faults += [f"{sweep.calls} {number}: {fault}" for fault in found]
    return Finding(sweep.trouble, tried, tuple(faults))


def _killed_at(bench: Bench, sweep: Sweep, number: int) -> list[str] | None:
    """Give what broke, None where the run came to its end before the call."""
    place = bench.place()
    command = sweep.begin(place)
    with traced(command, sweep.calls, f"signal=SIGKILL:when={number}"):
        end = command.end()
    if end.code != -signal.SIGKILL:
        return None
    judge = Judge(place)
    return [*judge.after_crash(), *judge.at_end(place.go_on(), bench.uninterrupted)]
