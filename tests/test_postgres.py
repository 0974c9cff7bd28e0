"""A run log in PostgreSQL: whose tables are touched, what its failures say, and a story from end to end."""

import asyncio
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, String

from promptlab.core.errors import StorageError, UsageError
from promptlab.engine.completion import Usage
from promptlab.live.recorder import Recorder
from promptlab.main import create_app
from promptlab.models import REVISION, Base
from promptlab.services.postgres_store import PostgresStore
from promptlab.services.postgres_tables import bring_up
from promptlab.services.run_log import look_into_run_log, open_run_log, revision_of
from promptlab.services.upgrade import alembic_config, migrations_folder
from tests.cli_kit import GREEN, Cli
from tests.fakes import FakeProvider
from tests.lab import KEY, Lab, asked_for, ended
from tests.postgres_kit import PASSWORD, PostgresServer, query
from tests.resume_kit import killed
from tests.run_log_kit import (
    ANSWER,
    START,
    asking,
    buy,
    intent_of,
    record_run,
    recording,
    run_in,
    trial_of,
    trials_in,
)
from tests.serving_kit import server_settings, signed_in

TABLES = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
ROWS = 30
FAILS = '''"""Fail after a change."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.add_column("trials", sa.Column("extra", sa.Text()))
    raise RuntimeError("no")
'''


@pytest.fixture
def empty(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of a database in which nothing is."""
    with postgres_server.with_database(empty=True) as url:
        yield url


def change(url: str, *statements: str) -> None:
    for statement in statements:
        query(url, statement)


def texts_are_alike(_context: object, _found: object, _column: object, old: object, new: object) -> object:
    """Say that nothing differs between two texts, one of which has a length; None: alembic is to say."""
    return False if isinstance(old, String) and isinstance(new, String) else None


def test_models_and_migrations_agree_in_postgres(postgres: str) -> None:
    """
    Given the tables that the migrations made,
    when alembic compares them with the models,
    then there is nothing to do but for an index that only PostgreSQL has.
    """
    how = {"compare_type": texts_are_alike}
    with open_run_log(postgres) as log, log.engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection, opts=how), Base.metadata)
    kinds = query(
        postgres,
        "SELECT DISTINCT data_type, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version' AND data_type LIKE '%t'"
        " ORDER BY 1",
    )

    assert [(one[0], one[1].name) for one in found] == [("remove_index", "ix_attempts_open")]
    assert kinds == [("bigint", None), ("text", "C")]


def test_migrations_go_down_again_in_postgres(postgres: str) -> None:
    """
    Given a log,
    when all migrations are taken back,
    then no table is left but alembic's own.
    """
    config = alembic_config(migrations_folder())
    with open_run_log(postgres) as log, log.writers.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")

    assert query(postgres, TABLES) == [(1,)]


def test_two_that_make_the_tables_at_once_are_in_nobodys_way(cli: Cli, empty: str) -> None:
    """
    Given an empty database,
    when two processes open it at the same time,
    then both find a log in it.
    """
    cli.write(green=GREEN)

    both = [cli.start("db", "upgrade", env={"PROMPTLAB_DATABASE_URL": empty}) for _ in range(2)]

    assert [ended(process).code for process in both] == [0, 0]
    assert revision_of(empty) == REVISION


def test_a_log_that_is_only_looked_into_is_not_made(empty: str) -> None:
    """
    Given an empty database,
    when its log is opened for reading,
    then a UsageError says how to make one, what only looks finds no run, and no table is made.
    """
    with pytest.raises(UsageError, match="there is no run log yet"):
        open_run_log(empty, create=False)
    with look_into_run_log(empty) as log, pytest.raises(UsageError, match="no run 'last'"):
        run_in(log)

    assert query(empty, TABLES) == [(0,)]


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE TABLE customers (id int)", "belong to another program"),
        ("CREATE TABLE alembic_version (version_num text)", "belong to another program"),
    ],
)
def test_tables_of_another_program_are_left_alone(empty: str, statement: str, said: str) -> None:
    """
    Given a database with tables that are not ours, or with alembic's of another program,
    when it is opened in any way,
    then a StorageError says so, without the password, and no table was made.
    """
    change(empty, statement)

    for attempt in (open_run_log, look_into_run_log, revision_of):
        with pytest.raises(StorageError, match=said) as refused:
            attempt(empty)
        assert PASSWORD not in str(refused.value)

    assert query(empty, TABLES) == [(1,)]


def test_a_newer_log_is_refused_and_an_older_one_upgraded_on_purpose(cli: Cli, postgres: str) -> None:
    """
    Given a log whose revision is one that nobody knows, then one that is not the newest,
    when commands are given,
    then the first is refused, the second too but by `db upgrade`, and neither was changed before.
    """
    cli.write(green=GREEN)
    (cli.folder / ".env").write_text(f"PROMPTLAB_DATABASE_URL={postgres}\n")
    change(postgres, "UPDATE alembic_version SET version_num = '9999'")
    newer = [cli("run", "green"), cli("db", "upgrade")]
    config = alembic_config(migrations_folder())
    change(postgres, f"UPDATE alembic_version SET version_num = '{REVISION}'")
    with open_run_log(postgres) as log, log.writers.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")

    older, current = cli("run", "green"), cli("db", "current")
    upgraded = cli("db", "upgrade")

    assert [said.code for said in newer] == [3, 3]
    assert all("does not know the log's revision '9999'" in said.err for said in newer)
    assert (older.code, "promptlab db upgrade" in older.err) == (2, True)
    assert current.out.startswith("0006; the newest")
    assert (upgraded.code, f"from 0006 to {REVISION}" in upgraded.err) == (0, True)
    assert cli("run", "green").code == 0


def engine_of(url: str) -> tuple[PostgresStore, Engine]:
    store = PostgresStore.at(url)
    return store, store.writing(store.open(create=True, upgrade=False))


def test_a_migration_that_fails_leaves_the_tables_as_they_were(postgres: str, tmp_path: Path) -> None:
    """
    Given a migration that fails after it changed a table,
    when it runs,
    then nothing of it is left, and the log works.
    """
    store, engine = engine_of(postgres)
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'"
    before = query(postgres, columns)

    folder = shutil.copytree(migrations_folder(), tmp_path / "migrations")
    (folder / "versions" / "9999_more.py").write_text(FAILS.format(newest=REVISION))

    with pytest.raises(RuntimeError, match="no"):
        bring_up(engine, store.name, folder=folder)
    engine.dispose()

    assert query(postgres, columns) == before
    assert revision_of(postgres) == REVISION


@pytest.mark.parametrize(
    ("address", "code", "said"),
    [
        ("postgresql+psycopg://u:{}@127.0.0.1:1/db", 3, "postgresql://127.0.0.1:1/db: the run log"),
        ("postgres://u:{}@nowhere.invalid/db", 3, "postgresql://nowhere.invalid/db: the run log"),
        ("postgresql://u:{}@/nothere?host=/tmp/no-such-folder", 3, "/nothere: the run log cannot be used"),
        ("postgresql+asyncpg://u:{}@h/db", 2, "the driver of 'postgresql+asyncpg' is not known"),
        ("postgresql://u:x@{}@h/db", 2, "cannot be read"),
        ("postgresql://u:{}@h:port/db", 2, "cannot be read"),
        ("postgresql://u:{}@h", 2, "cannot be read"),
    ],
)
def test_a_server_that_is_not_there_is_named_without_the_password(
    cli: Cli, address: str, code: int, said: str
) -> None:
    """
    Given the address of a server that does not answer, or one that is none,
    when commands are given,
    then they end with 3, or 2, name the host and the database, and never the password.
    """
    cli.write(green=GREEN)
    (cli.folder / ".env").write_text(f"PROMPTLAB_DATABASE_URL={address.format('geheim-1')}\n")

    run, doctor, config = cli("run", "green"), cli("doctor"), cli("config")

    assert (run.code, said in run.err) == (code, True), run.err
    assert "run log" in doctor.out
    assert "database_url" in config.out
    everything = [run.out, run.err, doctor.out, doctor.err, config.out, config.err]
    assert [text for text in everything if "geheim" in text] == []


def test_a_database_that_is_not_there_is_named(cli: Cli, postgres_server: PostgresServer) -> None:
    """
    Given the address of a server that answers, and of a database that it does not have,
    when something is run,
    then it ends with 3 and says how to make one.
    """
    cli.write(green=GREEN)
    (cli.folder / ".env").write_text(f"PROMPTLAB_DATABASE_URL={postgres_server.url('not_made')}\n")

    run = cli("run", "green")

    assert (run.code, "there is no such database" in run.err, "createdb" in run.err) == (3, True, True)
    assert PASSWORD not in run.err


def test_a_missing_driver_says_what_to_install() -> None:
    """
    Given a Python without the driver,
    when the log is opened,
    then a UsageError names the command that installs it.
    """
    program = (
        "import sys; sys.modules['psycopg'] = None\n"
        "from promptlab.services.run_log import open_run_log\n"
        "try: open_run_log('postgresql://h/db')\n"
        "except Exception as error: print(error, error.hint)"
    )

    said = subprocess.check_output([sys.executable, "-c", program], text=True, cwd=Path(__file__).parents[1])

    assert "needs the extra `postgres`" in said
    assert "pip install 'promptlab-pipelines[postgres]'" in said


def test_doctor_and_upgrade_tell_of_the_log(cli: Cli, empty: str) -> None:
    """
    Given an empty database,
    when it is looked at, upgraded and looked at again,
    then each command says what is there, and none the password.
    """
    cli.write(green=GREEN)
    (cli.folder / ".env").write_text(f"PROMPTLAB_DATABASE_URL={empty}\n")

    before, nothing = cli("doctor"), cli("db", "current")
    made, after, current = cli("db", "upgrade"), cli("doctor"), cli("db", "current", "--json")

    assert "there is none yet; the first run makes the tables in postgresql://" in before.out.replace(
        "\n", " "
    )
    assert "there is no run log yet" in nothing.err
    assert f"from nothing to {REVISION}" in made.err
    assert "is healthy and can be written" in after.out.replace("\n", " ")
    assert current.json["revision"] == REVISION
    assert PASSWORD not in before.out + nothing.err + made.err + after.out


async def test_numbers_and_names_that_are_odd_come_back(postgres: str) -> None:
    """
    Given an answer with more tokens than 32 bits count, and trials whose ids have NUL in them,
    when they are recorded,
    then they come back as they were.
    """
    many = replace(ANSWER, usage=Usage(2**40, 2**41, 0, 0))
    trial = trial_of(2**33)
    odd = replace(trial, key=replace(trial.key, row_id="a\0b"), error="\0")

    with open_run_log(postgres) as log:
        async with recording(log) as recorder:
            await buy(recorder, "a", many)
            found = await recorder.recall(asking("a"))
        run_id = await record_run(log, odd)
        kept = trials_in(log, run_id)

    assert found is not None
    assert found.usage == many.usage
    assert kept == [odd]


async def test_a_server_that_is_lost_ends_the_run(postgres_server: PostgresServer, postgres: str) -> None:
    """
    Given a run with an intent on record, whose server ends all connections and takes no new ones,
    when it goes on,
    then what it waits for, and its end, raise StorageError; once the server is back, what was committed
    is there, and the attempt is of unknown outcome.
    """
    name = postgres.rpartition("/lab_")[2].partition("?")[0]
    with open_run_log(postgres) as log:
        recorder = await Recorder.begin_run(log, START)
        await buy(recorder, "kept")
        attempt = await recorder.intend(intent_of("lost"))
        postgres_server.run(
            f"ALTER DATABASE lab_{name} ALLOW_CONNECTIONS false",
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'lab_{name}'",
        )

        told = await asyncio.gather(
            recorder.settle(attempt or 0, intent_of("lost"), ANSWER),
            recorder.recall(asking("kept")),
            return_exceptions=True,
        )
        with pytest.raises(StorageError) as closed:
            await recorder.close()
        postgres_server.run(f"ALTER DATABASE lab_{name} ALLOW_CONNECTIONS true")
        async with recording(log) as after:
            found = await after.recall(asking("kept"))

    assert [type(error) for error in told] == [StorageError, StorageError]
    assert f"/lab_{name}: the run log cannot be used" in str(closed.value)
    assert PASSWORD not in str(closed.value)
    assert found is not None
    states = query(postgres, "SELECT state FROM attempts ORDER BY id")
    assert states == [("received",), ("unknown",)]


def test_a_story_from_end_to_end(cli: Cli, fake_provider: FakeProvider, postgres: str) -> None:
    """
    Given a project whose log is in PostgreSQL, and a run that is killed,
    when it is resumed, run again, listed, compared, pruned and looked at over HTTP,
    then no row that was answered is asked for again, and each command tells of both runs.
    """
    lab = Lab(cli.folder, fake_provider.base_url, database=postgres)
    lab.write_env(KEY)
    lab.write_rows(ROWS)
    fake_provider.configure(latency_ms=10)
    killed(lab, fake_provider, 16, "run", "words")
    fake_provider.configure(latency_ms=0)

    resumed = cli("resume", "last", "--json")
    sent = fake_provider.sent_count
    again = cli("run", "words", "--json")

    first, second = resumed.json["run_id"], again.json["run_id"]
    asked = asked_for(fake_provider.requests())
    assert (resumed.code, again.code, resumed.json["trials"]["passed"]) == (0, 0, ROWS)
    assert len(asked) - len(set(asked)) <= lab.states().get("unknown", 0)
    assert (fake_provider.sent_count, again.json["calls"]["recalled"]) == (sent, ROWS)
    listed = cli("runs", "list", "--json").json["runs"]
    assert [run["run_id"] for run in listed] == [second, first]
    compared = cli("compare", first, second, "--json")
    assert (compared.code, compared.json["schema_version"]) == (0, 1)
    with signed_in(create_app(server_settings(cli.folder))) as client:
        pages = [client.get(f"/runs/{first}"), client.get("/runs"), client.get(f"/api/runs/{second}/trials")]
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert first in pages[1].text
    deleted = cli("runs", "delete", first, "--yes")
    assert (deleted.code, lab.query("SELECT id FROM runs")) == (0, [(second,)])
    assert cli("runs", "show", second).code == 0
