"""A run log as it is after years: a real run, copied as if it had been made again and again before.

`python -m tests.bench.big_log LOG [COPIES]` adds the copies to a log that holds one run.
"""

import json
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Table

from promptlab.models import Attempt, Completion, Row, Run, RunFile, StepRun, Trial, Verdict

COPIES = 1_000
BETWEEN_MINUTES = 45  # from one run to the next
ONE_IN = 200  # of so many runs one was killed, with a call on its way

_QUICK = (
    "ATTACH ':memory:' AS real",
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA foreign_keys=OFF",
    "PRAGMA cache_size=-1000000",
)
_RUN = {"run_id": ":run"}
_ANSWER = {"fingerprint": "hashed(fingerprint)", "completion_id": "completion_id + :completions"}
_UNKNOWN = f"CASE WHEN :copy % {ONE_IN} = 1 AND id = :greatest THEN 'unknown' ELSE state END"
_COPIED: Mapping[Table, Mapping[str, str]] = {
    Run.__table__: {"id": ":run", "started_at": "earlier(started_at)", "ended_at": "earlier(ended_at)"},
    RunFile.__table__: _RUN,
    Row.__table__: {"digest": "hashed(digest)"},
    Trial.__table__: _RUN | {"id": "id + :trials", "row_digest": "hashed(row_digest)"},
    StepRun.__table__: {"trial_id": "trial_id + :trials", "calls": "moved(calls)"},
    Verdict.__table__: {"trial_id": "trial_id + :trials"},
    Completion.__table__: _RUN
    | {"id": "id + :completions", "fingerprint": "hashed(fingerprint)", "created_at": "earlier(created_at)"},
    Attempt.__table__: _RUN
    | _ANSWER
    | {
        "id": "id + :attempts",
        "state": _UNKNOWN,
        "sent_at": "earlier(sent_at)",
        "ended_at": "earlier(ended_at)",
    },
}
_NUMBERED = ("trials", "completions", "attempts")


def add_copies(log: Path, copies: int = COPIES) -> None:
    """Add older runs to a log that holds one; each has rows, trials, calls and answers of its own."""
    with closing(sqlite3.connect(log, autocommit=True)) as connection:
        for pragma in _QUICK:
            connection.execute(pragma)
        for table in _COPIED:
            connection.execute(f"CREATE TABLE real.{table.name} AS SELECT * FROM main.{table.name}")
        ids = {
            name: connection.execute(f"SELECT max(id) FROM real.{name}").fetchone()[0] for name in _NUMBERED
        }
        connection.execute("BEGIN")
        for copy in range(1, copies + 1):
            _add_copy(connection, copy, ids)
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")


def _add_copy(connection: sqlite3.Connection, copy: int, ids: Mapping[str, int]) -> None:
    shift = {name: copy * greatest for name, greatest in ids.items()}

    def moved(calls: str) -> str:
        found = (
            (_hashed(copy, first), id_ + shift["completions"], *rest)
            for first, id_, *rest in json.loads(calls)
        )
        return json.dumps(list(found))

    connection.create_function("hashed", 1, lambda text: _hashed(copy, text), deterministic=True)
    connection.create_function("earlier", 1, lambda moment: _earlier(copy, moment), deterministic=True)
    connection.create_function("moved", 1, moved, deterministic=True)
    values = {"run": f"00{10**6 - copy:06}{'0' * 18}", "copy": copy, "greatest": ids["attempts"], **shift}
    for table, changed in _COPIED.items():
        connection.execute(_insertion(table, changed), values)


def _insertion(table: Table, changed: Mapping[str, str]) -> str:
    names = [column.name for column in table.columns]
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(changed.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO main.{table.name} ({columns}) SELECT {values} FROM real.{table.name}"


def _hashed(copy: int, text: str) -> str:
    return sha256(f"{copy} {text}".encode()).hexdigest()


def _earlier(copy: int, moment: str | None) -> str | None:
    if moment is None:
        return None
    before = datetime.fromisoformat(moment) - timedelta(minutes=copy * BETWEEN_MINUTES)
    return before.isoformat(sep=" ", timespec="microseconds")


if __name__ == "__main__":
    add_copies(Path(sys.argv[1]), *map(int, sys.argv[2:]))
