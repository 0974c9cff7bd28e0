"""A disk that fails: at each write and sync of a run by strace, when it is full, when it is read-only."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.lab import Ended
from tests.torture.bench import Bench, Finding
from tests.torture.crash_points import Begin, in_the_middle, on_a_new_log
from tests.torture.judge import Judge
from tests.torture.place import CALLS, Place
from tests.torture.sweeping import swept
from tests.torture.tracing import traced

ROWS = 40


@dataclass(frozen=True, slots=True)
class Fault:
    """`then`: `+` where the disk stays broken from that call on; `every`: one of so many calls is struck.

    `to_the_end` and `on_log` as of a `Sweep`.
    """

    trouble: str
    call: str
    error: str
    then: str
    begin: Begin
    sample: tuple[int, ...]
    every: int = 1
    to_the_end: bool = True
    on_log: bool = False


FAULTS = (
    Fault(
        "disk full from a write on, on a new log", "pwrite64", "ENOSPC", "+", on_a_new_log, (60,), 3, False
    ),
    Fault("disk full from a write of the middle on", "pwrite64", "ENOSPC", "+", in_the_middle, (20,), 3),
    Fault("I/O error at a write of the middle", "pwrite64", "EIO", "", in_the_middle, (70,), 3),
    Fault("I/O error at a sync, on a new log", "fdatasync", "EIO", "", on_a_new_log, (5,)),
    Fault("I/O error at a sync of the middle", "fdatasync", "EIO", "", in_the_middle, (8,)),
    Fault("disk full as the WAL is moved", "pwrite64", "ENOSPC", "+", in_the_middle, (5,), 3, on_log=True),
    Fault("I/O error as the WAL is moved", "pwrite64", "EIO", "", in_the_middle, (5,), 3, on_log=True),
)


def disk_faults(bench: Bench) -> Iterator[Finding]:
    """Let each write and sync fail in turn, then go on with a disk that works."""
    for fault in FAULTS:
        points = bench.points(fault.sample, every=fault.every)
        yield swept(fault.trouble, points, partial(_failed_at, bench, fault))


def _failed_at(bench: Bench, fault: Fault, number: int) -> list[str] | None:
    place = bench.place()
    said = place.lab.root / "system-calls"
    command = fault.begin(place)
    on = place.log if fault.on_log else None
    with traced(command, fault.call, f"error={fault.error}:when={number}{fault.then}", said=said, on=on):
        end = command.end()
    if "(INJECTED)" not in said.read_text() or (place.asked() and not (fault.to_the_end or bench.full)):
        return None
    judge = Judge(place)
    faults = list(judge.after_crash())
    faults += broken_off(place, end) if end.code else _all_committed(place)
    return [*faults, *judge.at_end(place.go_on(), bench.uninterrupted)]


def _all_committed(place: Place) -> Iterator[str]:
    """Say what is not on record of a run that ended well: only the move out of the WAL may have failed."""
    answers = len(CALLS) * place.rows
    if place.query("SELECT status FROM runs") != [("passed",)] or len(place.recorded()) != answers:
        yield "it ended with 0, and not all of it is on record"


def broken_off(place: Place, end: Ended) -> Iterator[str]:
    """Say what is wrong with the end of a command whose disk failed."""
    errors = [line for line in end.err.splitlines() if line.startswith("error")]
    if end.code != 3:
        yield f"it ended with {end.code}"
    if len(errors) != 1 or str(place.log) not in errors[0]:
        yield f"not one error with the log's path: {end.err.strip()[-300:]!r}"
    if "Traceback" in end.err or "not caught" in end.err:
        yield f"a traceback: {end.err.strip()[-300:]!r}"


def small_disks(bench: Bench) -> Iterator[Finding]:
    """Fill a disk of 2 MB, and take its writes away."""
    for trouble, play in (("a full disk of 2 MB", _full), ("a disk made read-only", _read_only)):
        with tempfile.TemporaryDirectory() as name, _mounted(Path(name)) as reason:
            if reason:
                yield Finding(trouble, untried=reason)
            else:
                yield Finding(trouble, 1, tuple(play(bench, Path(name))))


@contextmanager
def _mounted(folder: Path) -> Iterator[str | None]:
    """Mount a small file system; give why not where that is refused."""
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        yield f"no file system can be mounted here ({done.stderr.strip()})"
        return
    yield None
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def _full(bench: Bench, folder: Path) -> Iterator[str]:
    place = bench.place(root=folder)
    rows = [{"id": number, "word": f"{number} " + "x" * 15_000} for number in range(ROWS)]
    place.lab.write("data/rows.jsonl", "\n".join(map(json.dumps, rows)))
    place.lab.write_pipeline(steps=CALLS, params={"max_tokens": 5000})
    end = place.start_run().end()
    judge = Judge(place)
    yield from broken_off(place, end)
    if not place.recorded():
        yield "nothing was recorded: the disk was too small to say anything"
    yield from judge.after_crash()
    _remount(folder, "size=64m")
    yield from judge.at_end(place.go_on())
    if (answers := len(place.recorded())) != 2 * ROWS:
        yield f"{answers} of {2 * ROWS} answers are there at the end"


def _read_only(bench: Bench, folder: Path) -> Iterator[str]:
    place = bench.place(root=folder)
    place.say("run", "words", "--limit", "2")
    asked = len(place.asked())
    _remount(folder, "ro")
    end = place.start_run().end()
    yield from broken_off(place, end)
    if len(place.asked()) != asked:
        yield f"{len(place.asked()) - asked} calls were sent"
    _remount(folder, "rw")
    yield from Judge(place).at_end(place.start_run().end(), bench.uninterrupted)
