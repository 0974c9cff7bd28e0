"""A kill at every system call by which a run changes a file."""

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from tests.torture.bench import Bench, Finding
from tests.torture.commands import Command
from tests.torture.judge import Judge
from tests.torture.place import Place
from tests.torture.sweeping import swept
from tests.torture.tracing import traced

type Begin = Callable[[Place], Command]


@dataclass(frozen=True, slots=True)
class Sweep:
    """A kill before the first, the second, … of `calls`, in a command begun anew each time.

    strace counts each thread's calls by themselves. The main thread makes the log, and at the end moves what
    was committed into it; in between the writer's thread alone writes. `to_the_end` False: it ends once calls
    had been sent, as the sweeps of the middle go on from there. `on_log`: calls on the log itself alone.
    """

    trouble: str
    calls: str
    begin: Begin
    sample: tuple[int, ...]
    to_the_end: bool = True
    on_log: bool = False


def on_a_new_log(place: Place) -> Command:
    return place.start_run(stop="before")


def on_an_old_log(place: Place) -> Command:
    place.say("run", "words", "--limit", "1")
    return place.start_run(stop="before")


def in_the_middle(place: Place) -> Command:
    return place.start("run", "words", stop="begun")


SWEEPS = (
    Sweep("killed before a write, on a new log", "pwrite64", on_a_new_log, sample=(60,), to_the_end=False),
    Sweep("killed before a sync, on a new log", "fdatasync", on_a_new_log, sample=(3,), to_the_end=False),
    Sweep("killed before a cut, on a new log", "ftruncate", on_a_new_log, sample=(2,)),
    Sweep("killed before a removal, on a new log", "unlink", on_a_new_log, sample=(4,)),
    Sweep("killed before a write, on an old log", "pwrite64", on_an_old_log, sample=(10,), to_the_end=False),
    Sweep("killed before a write of the run's middle", "pwrite64", in_the_middle, sample=(77,)),
    Sweep("killed before a sync of the run's middle", "fdatasync", in_the_middle, sample=(9,)),
    Sweep("killed before a write of the move out of the WAL", "pwrite64", in_the_middle, (9,), on_log=True),
)


def crash_points(bench: Bench) -> Iterator[Finding]:
    """Kill runs at every point until they survive, and finish each."""
    for sweep in SWEEPS:
        yield swept(sweep.trouble, bench.points(sweep.sample), partial(_killed_at, bench, sweep))


def _killed_at(bench: Bench, sweep: Sweep, number: int) -> list[str] | None:
    """Give what broke, None where the run came to its end before the call."""
    place = bench.place()
    command = sweep.begin(place)
    before = len(place.asked())
    on = place.log if sweep.on_log else None
    with traced(command, sweep.calls, f"signal=SIGKILL:when={number}", on=on):
        end = command.end()
    if end.code != -signal.SIGKILL or (len(place.asked()) > before and not (sweep.to_the_end or bench.full)):
        return None
    judge = Judge(place)
    return [*judge.after_crash(), *judge.at_end(place.go_on(), bench.uninterrupted)]
