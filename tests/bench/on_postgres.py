"""The same run with its log in a file and in PostgreSQL, which commits to the disk as in daily use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measure import Measure, least_of, run_promptlab
from tests.bench.project import write_project
from tests.bench.table import Table
from tests.postgres_kit import PostgresServer, postgres_server

ROWS = 1_000
TIMES = 3


def print_on_postgres(folder: Path, base_url: str) -> None:
    """Buy the answers of all rows, then recall them, each time in a new log."""
    table = Table(f"{ROWS:,} rows × 1 step, 0 ms, best of {TIMES}", ROWS)
    with postgres_server(durable=True) as server:
        for name, used in (("SQLite", None), ("PostgreSQL", server)):
            twice = [_twice(folder / f"{name}-{number}", base_url, used) for number in range(TIMES)]
            table.add(f"log in {name}, all bought", least_of([new for new, _ in twice]))
            table.add(f"log in {name}, all recalled", least_of([again for _, again in twice]))


def _twice(folder: Path, base_url: str, server: PostgresServer | None) -> tuple[Measure, Measure]:
    project = write_project(folder, rows=ROWS, base_url=base_url)
    with _log_of(project, server):
        return run_promptlab(project), run_promptlab(project)


@contextmanager
def _log_of(project: Path, server: PostgresServer | None) -> Iterator[None]:
    if server is None:
        yield
        return
    with server.with_database() as url:
        (project / ".env").write_text(f"PROMPTLAB_DATABASE_URL={url}\n")
        yield
