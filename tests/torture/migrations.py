"""A migration that is killed at every system call."""

import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from promptlab.models import REVISION
from tests.torture.bench import Bench, Finding
from tests.torture.judge import Judge
from tests.torture.place import Place
from tests.torture.sweeping import swept
from tests.torture.tracing import traced

OLD_LOGS = Path(__file__).parents[1] / "old_logs"
CALLS = {"pwrite64": (20, 60), "fdatasync": (4,), "rename": (1,), "unlink": (6,)}  # with a sample of points
ANSWERS = "SELECT id, fingerprint, text, request FROM completions"


def migrations(bench: Bench) -> Iterator[Finding]:
    """Kill the upgrade of each old log at every point; the next one finishes."""
    for old in sorted(set(OLD_LOGS.glob("*.sql")) - {OLD_LOGS / f"{REVISION}.sql"}):
        for call, sample in CALLS.items():
            trouble = f"the migration of {old.stem} killed before a {call}"
            yield swept(trouble, bench.points(sample), partial(_killed_at, bench, old, call))


def _killed_at(bench: Bench, old: Path, call: str, number: int) -> list[str] | None:
    """Give what broke, None where the migration came to its end before the call."""
    place = bench.place()
    _bring_back(old, place.log)
    answers = place.query(ANSWERS)
    command = place.start("db", "upgrade", stop="before")
    with traced(command, call, f"signal=SIGKILL:when={number}"):
        end = command.end()
    if end.code != -signal.SIGKILL:
        return None
    return [*_half_way(place, old.stem), *_finished(place, old.stem, answers)]


def _bring_back(old: Path, log: Path) -> None:
    log.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(log)) as connection:
        connection.executescript(old.read_text())


def _half_way(place: Place, revision: str) -> Iterator[str]:
    yield from Judge(place).damage()
    found = place.query("SELECT version_num FROM alembic_version")
    if found not in ([(revision,)], [(REVISION,)]):
        yield f"the revision is {found}"
    if found == [(REVISION,)]:
        yield from _backed_up(place, revision)


def _backed_up(place: Place, revision: str) -> Iterator[str]:
    backup = place.log.with_name(f"lab.db.backup-{revision}")
    if not backup.exists():
        yield "there is no backup"
        return
    with closing(sqlite3.connect(backup)) as connection:
        found = connection.execute("SELECT version_num FROM alembic_version").fetchall()
        damage = connection.execute("PRAGMA integrity_check").fetchall()
    if (found, damage) != ([(revision,)], [("ok",)]):
        yield f"the backup is of {found}: {damage}"


def _finished(place: Place, revision: str, answers: list[object]) -> Iterator[str]:
    end = place.say("db", "upgrade")
    if end.code != 0:
        yield f"the next upgrade ended with {end.code}: {end.err.strip()[-300:]!r}"
        return
    if place.query("SELECT version_num FROM alembic_version") != [(REVISION,)]:
        yield "the next upgrade did not finish it"
    if place.query(ANSWERS) != answers:
        yield "answers were lost"
    yield from Judge(place).damage()
    yield from _backed_up(place, revision)
    if left := [path.name for path in place.log.parent.glob("*.backup-*.*")]:
        yield f"unfinished backups are left: {left}"
