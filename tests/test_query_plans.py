"""What commands ask of the log is found by indexes: none reads a whole table, however long the log is."""

import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from promptlab.live.project_log import open_log
from promptlab.live.recall import Recaller
from promptlab.loader.project import open_project
from tests.bench.big_log import add_copies
from tests.cli_kit import ECHO, Cli, write_project
from tests.lab import ended, environment
from tests.warm_kit import forked

OLDER = "00999999"  # the first copy of the run
LOG = Path(".promptlab/lab.db")
LARGE = "attempts|completions|rows|step_runs|trials|verdicts"
PART = "USING (COVERING )?INDEX ix_attempts_unknown"  # an index of what is asked for, and no more
SCAN = re.compile(rf"^SCAN ({LARGE})\b(?! {PART})")
COMMANDS = (
    ("runs", "list"),
    ("runs", "list", "--pipeline", "words"),
    ("runs", "show", "last"),
    ("runs", "show", "00"),
    ("runs", "show", "last", "--row", "1", "--variant", "base"),
    ("runs", "export", "last"),
    ("report", "last", "--format", "csv"),
    ("render", "words", "--row", "1"),
    ("plan", "words"),
    ("compare", OLDER, "last"),
    ("baseline", "update", "words"),
    ("run", "words"),
    ("run", "words", "--on-unknown", "fail", "--fresh"),
    ("run", "words", "--failed", "last"),
    ("run", "words", "--model", "echo/other", "--explain"),
)
LOOKS = (
    "/api/runs",
    "/api/runs?text=a&status=interrupted&commit=a&since=2026-01-01",
    "/api/runs/last",
    "/api/runs/last/trials",
    "/api/runs/last/trials?flipped=true&disagreeing=true&sort=-cost",
    "/api/runs/last/trials?check=contains&tag=a&status=failed&cell=base&sort=score",
    "/api/runs/last/trials?text=a&regex=a",
    "/api/runs/last/trials/1-0-0",
    "/runs",
    "/runs/last",
    "/runs/last/filters",
    "/runs/last/charts",
    "/runs/last/trials/0-0-0",
)

type Asked = dict[str, Any]


@pytest.fixture(scope="module")
def long_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose log has a run of each kind of outcome, copied forty times; made once."""
    folder = tmp_path_factory.mktemp("long")
    write_project(folder, words=ECHO)
    ended(forked(folder, ["run", "words"], environment()))
    add_copies(folder / LOG, 40)
    return folder


@pytest.fixture
def long_log(cli: Cli, long_project: Path) -> Path:
    """Give the log of a copy of that project, in which the command line stands."""
    shutil.copytree(long_project, cli.folder, dirs_exist_ok=True)
    return cli.folder / LOG


@pytest.fixture
def asked() -> Iterator[Asked]:
    """Give the statements that are sent to any database, with values for them."""
    with listening() as found:
        yield found


@contextmanager
def listening() -> Iterator[Asked]:
    found: Asked = {}

    def hear(*said: Any) -> None:
        _, _, statement, values, _, many = said
        found[statement] = values[0] if many else values

    event.listen(Engine, "before_cursor_execute", hear)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", hear)


def scans(path: Path, asked: Asked) -> dict[str, list[str]]:
    """Give the statements that read a large table as a whole, with how they do."""
    with closing(sqlite3.connect(path)) as connection:
        plans = {
            statement: [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in asked.items()
            if not statement.startswith("PRAGMA")
        }
    found = {statement: list(filter(SCAN.match, plan)) for statement, plan in plans.items()}
    return {statement: plan for statement, plan in found.items() if plan}


def analyze(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ANALYZE")


@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_command_reads_a_whole_table(
    cli: Cli, long_log: Path, asked: Asked, command: tuple[str, ...], *, analyzed: bool
) -> None:
    """
    Given a log of many runs, with and without statistics of its tables,
    when a command is run,
    then each of its statements finds what it needs by an index.
    """
    if analyzed:
        analyze(long_log)

    cli(*command)

    assert asked
    assert scans(long_log, asked) == {}


@pytest.mark.parametrize("analyzed", [False, True])
def test_the_day_and_doubtful_requests_are_found_by_an_index(
    cli: Cli, long_log: Path, asked: Asked, *, analyzed: bool
) -> None:
    """
    Given a log of many runs,
    when a run looks for requests of unknown outcome and for what was spent today,
    then neither reads all attempts.
    """
    if analyzed:
        analyze(long_log)
    with open_log(open_project(None, root=str(cli.folder))) as log, closing(Recaller(log, "")) as recaller:
        recaller.doubtful()
        recaller.today(log.is_running)

    assert scans(long_log, asked) == {}


@pytest.mark.parametrize("analyzed", [False, True])
def test_no_page_reads_a_whole_table(cli: Cli, long_log: Path, asked: Asked, *, analyzed: bool) -> None:
    """
    Given a log of many runs, with and without statistics of its tables,
    when pages of runs, of a run and of a trial are asked for, with filters and orders,
    then each of their statements finds what it needs by an index.
    """
    from promptlab.main import create_app  # noqa: PLC0415 - commands do without
    from tests.serving_kit import server_settings, signed_in  # noqa: PLC0415

    if analyzed:
        analyze(long_log)

    with signed_in(create_app(server_settings(cli.folder, rate=1e6))) as client:
        statuses = {path: client.get(path).status_code for path in LOOKS}

    assert set(statuses.values()) == {200}
    assert scans(long_log, asked) == {}
