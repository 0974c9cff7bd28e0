"""Power cuts: a run is killed, and what it had written and not yet synced is taken from its WAL."""

import re
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from tests.torture.bench import Bench, Finding
from tests.torture.crash_points import in_the_middle
from tests.torture.judge import Judge
from tests.torture.place import Place
from tests.torture.sweeping import swept
from tests.torture.tracing import traced

TROUBLE = "power cut at a sync: what was not synced is gone"
_CALL = re.compile(r"(pwrite64|fdatasync)\(\d+<[^>]*/lab\.db-wal>(?:.*, (\d+), (\d+))?\) = \d+")


def power_cuts(bench: Bench) -> Iterator[Finding]:
    """Cut the power before each sync of a run's middle: cleanly, and with half of a page on the disk."""
    yield swept(TROUBLE, bench.points((3, 6)), partial(_cut_at, bench))


def _cut_at(bench: Bench, number: int) -> list[str] | None:
    """Give what broke, None where the run came to its end before the sync."""
    place = bench.place()
    said = place.lab.root / "system-calls"
    command = in_the_middle(place)
    begun = _wal(place).stat().st_size
    with traced(command, "fdatasync", f"signal=SIGKILL:when={number}", said=said, also="pwrite64"):
        end = command.end()
    if end.code != -signal.SIGKILL:
        return None
    lose(place, max(begun, synced_bytes(said.read_text())), torn=bool(number % 2))
    judge = Judge(place)
    return [*judge.after_crash(), *judge.at_end(place.go_on(), bench.uninterrupted)]


def synced_bytes(said: str) -> int:
    """Give how much of the WAL had been synced, by what strace saw."""
    written = synced = 0
    for call, size, offset in _CALL.findall(said):
        if call == "fdatasync":
            synced = written
        else:
            written = max(written, int(size) + int(offset))
    return synced


def lose(place: Place, kept: int, *, torn: bool) -> None:
    """Leave what was synced in the WAL, `torn`: and half of what was not; its index goes."""
    wal = _wal(place)
    content = wal.read_bytes()
    half = (len(content) - kept) // 2 if torn else 0
    wal.write_bytes(content[: kept + half])
    wal.with_name("lab.db-shm").unlink(missing_ok=True)


def _wal(place: Place) -> Path:
    return place.log.with_name("lab.db-wal")
