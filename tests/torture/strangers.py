"""Logs that are not to be touched: newer, damaged, or another program's."""

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.torture.bench import Bench, Finding
from tests.torture.disk_faults import broken_off
from tests.torture.judge import Judge
from tests.torture.place import Place

PAGE = 4096
ANSWERED = 4  # calls of a run before it is killed
COMMANDS = (("run", "words"), ("resume", "last"), ("runs", "list"), ("db", "upgrade"), ("plan", "words"))


@dataclass(frozen=True, slots=True)
class Harm:
    trouble: str
    do: Callable[[Path], None]
    pending: bool = False


def _flipped(start: int, number: int) -> Callable[[Path], None]:
    def flip(log: Path) -> None:
        content = bytearray(log.read_bytes())
        content[start : start + number] = bytes(255 - byte for byte in content[start : start + number])
        log.write_bytes(content)

    return flip


def _cut(size: int) -> Callable[[Path], None]:
    return lambda log: log.write_bytes(log.read_bytes()[:size])  # type: ignore[return-value]


def _newer(log: Path) -> None:
    with closing(sqlite3.connect(log)) as connection:
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()


def _foreign(log: Path) -> None:
    log.unlink()
    with closing(sqlite3.connect(log)) as connection:
        connection.execute("CREATE TABLE bookmarks (id)")


HARMS = (
    Harm("a newer log", _newer),
    Harm("a newer log, with a WAL of its own", _newer, pending=True),
    Harm("another program's database", _foreign),
    Harm("a log with a flipped magic", _flipped(0, 16)),
    Harm("a log with a flipped header", _flipped(16, 30)),
    Harm("a log with a flipped schema page", _flipped(100, 12)),
    Harm("a log that was cut", _cut(2 * PAGE + 100)),
    Harm("a log that was cut, with a WAL of its own", _cut(2 * PAGE + 100), pending=True),
)


def strangers(bench: Bench) -> Iterator[Finding]:
    """Give commands in a project with such a log: each is refused, and no byte changes."""
    commands = COMMANDS if bench.thorough else COMMANDS[:1]
    for harm in HARMS:
        faults = [fault for command in commands for fault in _refused(bench, harm, command)]
        yield Finding(f"{harm.trouble} is left as it is", len(commands), tuple(faults))
    yield _damaged_inside(bench)
    yield _damaged_wal(bench)


def _refused(bench: Bench, harm: Harm, command: tuple[str, ...]) -> Iterator[str]:
    place = _place_with_log(bench, pending=harm.pending)
    harm.do(place.log)
    asked, before = len(place.asked()), _bytes_of(place.log)
    end = place.say(*command)
    yield from (f"{' '.join(command)}: {fault}" for fault in broken_off(place, end))
    if _bytes_of(place.log) != before:
        yield f"{' '.join(command)}: the log was written to"
    if len(place.asked()) != asked:
        yield f"{' '.join(command)}: calls were sent"


def _place_with_log(bench: Bench, *, pending: bool) -> Place:
    """Give a project that ran; `pending`: a later run was killed, and its WAL is still there."""
    place = bench.place()
    place.say("run", "words")
    if not pending:
        return place
    bench.provider.script({"nth": list(range(ANSWERED + 1, 2 * len(place.asked()))), "fault": "hang"})
    command = place.start("run", "words", "--fresh")
    bench.provider.wait_for_requests(len(place.asked()) + ANSWERED + 1)
    command.send(signal.SIGKILL)
    command.end()
    bench.provider.script()
    return place


def _bytes_of(log: Path) -> dict[str, bytes]:
    """Give the log and its WAL; the index of a WAL (-shm) holds no data."""
    return {path.name: path.read_bytes() for path in log.parent.glob("lab.db*") if path.suffix != ".db-shm"}


def _damaged_inside(bench: Bench) -> Finding:
    """Flip each page in turn: either a command ends well, or it says that the log is damaged."""
    faults: list[str] = []
    place = _place_with_log(bench, pending=False)
    content = place.log.read_bytes()
    pages = range(1, len(content) // PAGE, bench.some(1, 9))
    for page in pages:
        place.log.write_bytes(content)
        _flipped(page * PAGE, 200)(place.log)
        faults += [f"page {page + 1}: {fault}" for fault in _told_or_well(place)]
    return Finding("a flipped page is told, or does not matter", len(pages), tuple(faults))


def _told_or_well(place: Place) -> Iterator[str]:
    asked, before = len(place.asked()), _bytes_of(place.log)
    end = place.say("run", "words")
    if end.code != 0:
        yield from broken_off(place, end)
        if _bytes_of(place.log) != before:
            yield "the log was written to"
    if len(place.asked()) != asked:
        yield f"{len(place.asked()) - asked} calls were sent"


def _damaged_wal(bench: Bench) -> Finding:
    """Cut and flip a WAL at random: what stands before the damage counts, and the run ends well."""
    faults: list[str] = []
    rounds = bench.some(20, 2)
    for _ in range(rounds):
        place = _place_with_log(bench, pending=True)
        wal = place.log.with_name("lab.db-wal")
        where = bench.random.randrange(wal.stat().st_size)
        (_cut(where) if bench.random.random() < 0.5 else _flipped(where, 40))(wal)
        judge = Judge(place)
        end = place.go_on()
        faults += [f"byte {where} of seed {bench.seed}: {fault}" for fault in judge.damage()]
        if end.code != 0 or place.report() != bench.uninterrupted:
            faults.append(
                f"byte {where} of seed {bench.seed}: ended with {end.code}: {end.err.strip()[-300:]}"
            )
    return Finding("a cut or flipped WAL counts up to the damage", rounds, tuple(faults))
