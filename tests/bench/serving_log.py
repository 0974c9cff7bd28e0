# ruff: noqa: E501 - the lines of SQL are its own
"""A run log of many trials, made by SQL alone: what the server is asked of, in seconds rather than hours.

`python -m tests.bench.serving_log LOG [RUNS] [LARGEST]` makes one; each of its runs has 250 rows × 4 cells, the last
LARGEST rows × 4.
"""

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from promptlab.models import Run
from promptlab.services.run_log import open_run_log

RUNS, ROWS, LARGEST = 900, 250, 25_000
CELLS = ("base llm=mini", "base llm=small", "few-shot llm=mini", "few-shot llm=small")
PIPELINES = ("support-triage", "summarise", "extract-fields", "translate", "moderate")
BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
ANSWERED_ONE_IN = 10  # of so many trials one bought its answer, the others recalled it

_QUICK = ("journal_mode=OFF", "synchronous=OFF", "foreign_keys=OFF", "cache_size=-500000")
_STATUS = (
    "CASE WHEN (row * 7 + cell + run) % 11 = 0 THEN 'failed' "
    "WHEN (row * 3 + cell + run) % 97 = 0 THEN 'errored' ELSE 'passed' END"
)
_TEXT = "'The customer asks about ticket ' || row || ': billing, ' || cell || '. It can be solved in a day.'"
_STATEMENTS = (
    """CREATE TEMP TABLE numbers AS WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n
       WHERE i < :greatest) SELECT i FROM n""",
    """INSERT INTO rows (digest, inputs, columns)
       SELECT printf('%064x', i), '{"ticket":"Ticket ' || i || ' says that the invoice is wrong","tier":"pro"}',
              '{"ticket":"Ticket ' || i || '","tier":"pro","label":"billing"}'
       FROM numbers WHERE i < :rows""",
    """CREATE TEMP TABLE places AS
       SELECT of_run.first + i AS id, of_run.id AS run_id, of_run.number AS run, i / 4 AS row, i % 4 AS cell
       FROM of_run JOIN numbers ON i < of_run.trials ORDER BY of_run.number, i""",
    f"""INSERT INTO trials (id, run_id, row, row_id, row_digest, cell_index, cell, variant, axes, repeat, status,
                           outputs, tags, error, score, cost_usd, spent_usd, latency_ms, finished_at)
       SELECT places.id, run_id, row, 't' || row, printf('%064x', row), cell, cells.name,
              substr(cells.name, 1, instr(cells.name, ' ') - 1),
              '{{"llm":"' || substr(cells.name, instr(cells.name, '=') + 1) || '"}}', 0, {_STATUS},
              '{{"label":"billing","reply":"' || {_TEXT} || '"}}', iif(row % 5, '[]', '["hard"]'), NULL,
              (row % 20) / 20.0, 0.0001 * (row % 7), 0.0, 200 + row % 900, '2026-01-01 00:00:00.000000'
       FROM places JOIN cells ON cells.number = cell ORDER BY places.id""",
    f"""INSERT INTO step_runs (trial_id, position, step, status, output, messages, said, calls, model, input_tokens,
                              output_tokens, cost_usd, spent_usd, latency_ms, finish_reason)
       SELECT id, 0, 'classify', 'passed', '"billing"',
              '[{{"role":"user","content":"Sort the ticket ' || row || '"}},{{"role":"assistant","content":"billing"}}]', 1,
              '[["' || printf('%064x', id / {ANSWERED_ONE_IN}) || '",' || (id / {ANSWERED_ONE_IN} + 1) || ',true,0,false]]',
              'openai/gpt-4o-mini', 40 + row % 30, 3, 0.0001, 0.0, 300, 'stop'
       FROM places ORDER BY id""",
    f"""INSERT INTO verdicts (trial_id, position, step_position, step, name, type, status, score, weight, severity, reason)
       SELECT id, position, 0, 'classify', name, name, iif(position = 0 AND {_STATUS} = 'failed', 'failed', 'passed'),
              1.0, 1.0, 'error', 'it equals what is wanted: billing'
       FROM places JOIN (SELECT 0 AS position, 'equals' AS name UNION ALL SELECT 1, 'word-count') ORDER BY id, position""",
    f"""INSERT INTO completions (id, fingerprint, run_id, created_at, provider, model, request, text, finish_reason,
                                answered_by, input_tokens, output_tokens, cached_tokens, reasoning_tokens, cost_usd,
                                latency_ms, attempts, raw)
       SELECT id / {ANSWERED_ONE_IN} + 1, printf('%064x', id / {ANSWERED_ONE_IN}), run_id, '2026-01-01 00:00:00.000000', 'openai',
              'gpt-4o-mini', '{{"endpoint":"openai","api":"chat","model":"gpt-4o-mini","params":{{"temperature":0}},'
              || '"messages":[{{"role":"user","content":"Sort the ticket ' || row || '"}}],"schema":null,"sample":0}}', 'billing',
              'stop', 'gpt-4o-mini', 40, 3, 0, 0, 0.0001, 300, 1, CAST('r{{"choices":[]}}' AS BLOB)
       FROM places WHERE id % {ANSWERED_ONE_IN} = 0 ORDER BY id""",
    """INSERT INTO attempts (id, run_id, fingerprint, provider, model, number, state, spent_usd, completion_id, sent_at)
       SELECT id, run_id, fingerprint, provider, model, 1, 'received', cost_usd, id, created_at
       FROM completions ORDER BY id""",
)


def make_log(path: Path, *, runs: int = RUNS, largest: int = LARGEST) -> int:
    """Make a log and give how many trials it holds."""
    sizes = [*([ROWS * len(CELLS)] * runs), largest * len(CELLS)]
    with open_run_log(path) as log, log.writing() as session:
        session.execute(insert(Run), list(_runs(sizes)))
    with closing(sqlite3.connect(path, autocommit=True)) as connection:
        for pragma in _QUICK:
            connection.execute(f"PRAGMA {pragma}")
        connection.execute("BEGIN")
        _prepare(connection, sizes)
        values = {"greatest": max(sizes), "rows": max(ROWS, largest)}
        for statement in _STATEMENTS:
            connection.execute(statement, values if ":" in statement else {})
        connection.execute("COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
    return sum(sizes)


def _prepare(connection: sqlite3.Connection, sizes: list[int]) -> None:
    connection.execute("CREATE TEMP TABLE of_run (number, id, first, trials)")
    firsts = [1 + sum(sizes[:number]) for number in range(len(sizes))]
    rows = [(number, _id(number), firsts[number], size) for number, size in enumerate(sizes)]
    connection.executemany("INSERT INTO of_run VALUES (?, ?, ?, ?)", rows)
    connection.execute("CREATE TEMP TABLE cells (number, name)")
    connection.executemany("INSERT INTO cells VALUES (?, ?)", enumerate(CELLS))


def _id(number: int) -> str:
    return f"01{number:06}{'0' * 18}"


def _runs(sizes: list[int]) -> Iterator[dict[str, object]]:
    for number, size in enumerate(sizes):
        begun = BEGUN + timedelta(minutes=number * 45)
        failed, rate = size // 10, 0.9 - (number * 7 % 13) / 100
        cells = {cell: {"pass_rate": rate, "cost_usd": 0.1, "latency_ms": 400.0} for cell in CELLS}
        counts = {"planned": size, "passed": size - failed, "failed": failed, "errored": 0, "skipped": 0}
        yield {
            "id": _id(number),
            "pipeline": PIPELINES[number % len(PIPELINES)],
            "path": f"pipelines/{PIPELINES[number % len(PIPELINES)]}.yaml",
            "status": "passed" if number % 3 else "failed",
            "started_at": begun,
            "ended_at": begun + timedelta(seconds=90),
            "seconds": 90.0,
            "git_commit": f"{number:040x}",
            "git_dirty": number % 2 == 0,
            "version": "0.1.0",
            "host": "bench",
            "user": ("ada", "grace")[number % 2],
            "pid": 1,
            "note": "a try" if number % 10 == 0 else None,
            "options": {},
            "cells": list(CELLS),
            "metrics": {"pass_rate": rate, "cost_usd": 0.4, "latency_ms": 420.0, "cells": cells},
            "gates": [],
            **counts,
            "left": 0,
            "sent": size // ANSWERED_ONE_IN,
            "attempts": size // ANSWERED_ONE_IN,
            "recalled": size - size // ANSWERED_ONE_IN,
            "cost_usd": 0.4,
            "spent_usd": 0.04,
            "throttle": {},
            "made_with": {},
        }


if __name__ == "__main__":
    print(make_log(Path(sys.argv[1]), **dict(zip(("runs", "largest"), map(int, sys.argv[2:]), strict=False))))  # noqa: T201
