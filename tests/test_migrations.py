"""The tables: made at once, migrated behind a backup, refused where they are not ours to touch."""

import os
import re
import shutil
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import insert

from promptlab.core.database import APPLICATION_ID, checkpoint, claim, open_engine
from promptlab.core.errors import StorageError, UsageError
from promptlab.models import REVISION, Base, Row
from promptlab.models.base import Packed
from promptlab.services.run_log import look_into_run_log, open_run_log, revision_of
from promptlab.services.upgrade import migrate, migrations_folder
from tests.cli_kit import Cli
from tests.run_log_kit import START, recording, run_in

OLD_LOGS = Path(__file__).parent / "old_logs"
ADDS_A_COLUMN = '''"""Add a column."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    with op.batch_alter_table("trials", recreate="always") as batch:
        batch.add_column(sa.Column("extra", sa.Text()))
    {then}
'''


def schema(path: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
        return [(name, " ".join(sql.split())) for name, sql in found]


def structure(path: Path) -> dict[str, object]:
    """Give the columns, keys, constraints and indexes; a column that was added later stands at the end."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
        return {
            name: sql if kind == "index" else _table(connection, name, sql)
            for name, kind, sql in found
            if name != "alembic_version"
        }


def _table(connection: sqlite3.Connection, name: str, sql: str) -> object:
    columns = sorted(row[1:] for row in connection.execute(f"PRAGMA table_info({name})"))
    keys = sorted(row[2:] for row in connection.execute(f"PRAGMA foreign_key_list({name})"))
    return columns, keys, sorted(re.findall(r"CONSTRAINT (\w+)", sql))


def bytes_of(path: Path) -> dict[str, bytes]:
    """Give the log and what lies beside it, but for the index of its WAL, which holds no data."""
    found = (file for file in path.parent.glob(f"{path.name}*") if file.is_file())
    return {file.name: file.read_bytes() for file in found if not file.name.endswith("-shm")}


def newer_migrations(folder: Path, then: str = "pass") -> Path:
    copied = shutil.copytree(migrations_folder(), folder / "migrations")
    (copied / "versions" / "9999_more.py").write_text(ADDS_A_COLUMN.format(newest=REVISION, then=then))
    return copied


def test_tables_made_at_once_are_those_of_the_migrations(tmp_path: Path) -> None:
    """
    Given one log made at once and one made by the migrations,
    when their schemas are read,
    then they are the same, revision included.
    """
    made, migrated = tmp_path / "made.db", tmp_path / "migrated.db"
    open_run_log(made).close()
    claim(migrated)
    engine = open_engine(migrated)
    migrate(engine, migrated)
    engine.dispose()

    with closing(sqlite3.connect(migrated)) as connection:
        revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert structure(made) == structure(migrated)
    assert revision == (REVISION,)


def test_models_and_migrations_agree(tmp_path: Path) -> None:
    """
    Given a migrated log,
    when alembic compares it with the models,
    then there is nothing to do.
    """
    path = tmp_path / "lab.db"
    claim(path)
    engine = open_engine(path)
    migrate(engine, path)

    with engine.connect() as connection:
        difference = compare_metadata(MigrationContext.configure(connection), Base.metadata)
    engine.dispose()
    assert difference == []


def test_migrations_go_down_again(tmp_path: Path) -> None:
    """
    Given a migrated log,
    when all migrations are taken back,
    then no table is left but alembic's own.
    """
    path = tmp_path / "lab.db"
    open_run_log(path).close()
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    config.set_main_option("path_separator", "os")
    engine = open_engine(path)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    engine.dispose()

    assert [name for name, _ in schema(path)] == ["alembic_version"]


async def test_an_older_log_is_migrated_behind_a_backup(tmp_path: Path) -> None:
    """
    Given a log with a run, and migrations that go further and replace a table,
    when it is migrated,
    then the new column is there, the run too, and the backup has the old schema.
    """
    path = tmp_path / "lab.db"
    log = open_run_log(path)
    async with recording(log) as recorder:
        pass
    log.close()
    before = schema(path)
    engine = open_engine(path)

    migrate(engine, path, folder=newer_migrations(tmp_path))
    engine.dispose()

    backup = tmp_path / f"lab.db.backup-{REVISION}"
    assert "extra TEXT" in dict(schema(path))["trials"]
    assert schema(backup) == before
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT id FROM runs").fetchall() == [(recorder.run_id,)]


@pytest.mark.parametrize("end", ["raise RuntimeError('no')", "import os; os.kill(os.getpid(), 9)"])
def test_a_migration_that_dies_leaves_the_old_schema(tmp_path: Path, end: str) -> None:
    """
    Given a migration that fails, or whose process is killed, after it changed a table,
    when it runs,
    then the log is as it was and works, and there is a backup.
    """
    path = tmp_path / "lab.db"
    open_run_log(path).close()
    before = schema(path)
    folder = newer_migrations(tmp_path, then=end)
    program = (
        "import sys; from pathlib import Path; from promptlab.core.database import open_engine;"
        "from promptlab.services.upgrade import migrate;"
        "path = Path(sys.argv[1]); migrate(open_engine(path), path, folder=Path(sys.argv[2]))"
    )

    child = subprocess.run(
        [sys.executable, "-c", program, path, folder], check=False, capture_output=True, timeout=60
    )

    assert child.returncode != 0
    assert schema(path) == before
    assert (tmp_path / f"lab.db.backup-{REVISION}").exists()
    open_run_log(path).close()


def old_log(revision: str, path: Path) -> Path:
    """Bring back the log of a run that a promptlab of that revision made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((OLD_LOGS / f"{revision}.sql").read_text())
    return path


def found_by(log: Path, question: str) -> list[Any]:
    with closing(sqlite3.connect(log)) as connection:
        return connection.execute(question).fetchall()


def test_a_backup_that_was_cut_short_is_made_anew(tmp_path: Path) -> None:
    """
    Given an old log, and the backup that a killed migration had begun, with its journal,
    when the log is opened,
    then there is a whole backup, and nothing unfinished beside it.
    """
    path = old_log("0001", tmp_path / "lab.db")
    unfinished = path.with_name("lab.db.backup-0001.unfinished")
    unfinished.write_bytes(b"half")
    unfinished.with_name(f"{unfinished.name}-journal").write_bytes(b"half")
    before = schema(path)

    open_run_log(path).close()

    assert [file.name for file in tmp_path.glob("*.backup-*")] == ["lab.db.backup-0001"]
    assert schema(path.with_name("lab.db.backup-0001")) == before


@pytest.mark.parametrize("revision", sorted(path.stem for path in OLD_LOGS.glob("*.sql")))
def test_a_log_of_an_older_promptlab_goes_on(cli: Cli, revision: str) -> None:
    """
    Given the log of a run that an older promptlab made, and the pipeline that it ran,
    when that is run again,
    then every answer is recalled from the migrated log, the old run is shown and judged again, and the
    backup is as it was; a log of today has none.
    """
    log = old_log(revision, cli.folder / ".promptlab" / "lab.db")
    before, answers = schema(log), found_by(log, "SELECT id, fingerprint, text, request FROM completions")
    old_run, pipeline = found_by(log, "SELECT id, pipeline FROM runs")[0]
    source = "SELECT path, content FROM run_files JOIN snapshots USING (digest)"
    for path, content in found_by(log, source):
        file = cli.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(Packed().process_result_value(content, None) or b"")  # type: ignore[arg-type]

    again = cli("run", pipeline, "--json")

    assert (again.code, again.json["calls"]) == (0, {"sent": 0, "attempts": 0, "recalled": len(answers)})
    shown = cli("runs", "show", old_run, "--row", "0", "--json").json["trials"]
    judged = cli("check", old_run, "--json").json
    backups = {file.name: schema(file) for file in log.parent.glob("lab.db.backup-*")}
    assert [trial["status"] for trial in shown] == ["passed"]
    assert (judged["trials"]["passed"], judged["calls"]["sent"]) == (2, 0)
    assert found_by(log, "SELECT id, fingerprint, text, request FROM completions") == answers
    assert backups == ({} if revision == REVISION else {f"lab.db.backup-{revision}": before})


def in_wal(path: Path, statement: str) -> None:
    """Change a log as a process does that is killed then: the change is in its WAL alone."""
    with closing(sqlite3.connect(path)) as connection:
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, True)
        connection.execute(statement)
        connection.commit()


def in_old_journal(path: Path, statement: str) -> None:
    """Change a log and leave it in the mode that a copy by `.dump` is in."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(statement)
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE")


@pytest.mark.parametrize("change", [in_wal, in_old_journal])
@pytest.mark.parametrize("open_it", [open_run_log, look_into_run_log])
def test_a_newer_log_is_refused_untouched(
    tmp_path: Path, change: Callable[[Path, str], None], open_it: Callable[[Path], object]
) -> None:
    """
    Given a log whose revision this code does not know,
    when it is opened,
    then the error names the revision and the file, and no byte of it changed.
    """
    path = tmp_path / "lab.db"
    open_run_log(path).close()
    change(path, "UPDATE alembic_version SET version_num = '0999'")
    before = bytes_of(path)

    with pytest.raises(StorageError, match=r"lab\.db.*'0999'.*untouched"):
        open_it(path)

    assert revision_of(path) == "0999"
    assert bytes_of(path) == before


def a_folder(path: Path) -> None:
    path.mkdir()


def no_database(path: Path) -> None:
    path.write_text("name,label\n" * 100)


def a_foreign_one(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (id)")


def a_damaged_one(path: Path) -> None:
    open_run_log(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


def one_with_a_damaged_page(path: Path) -> None:
    with open_run_log(path) as log, log.writing() as session:
        rows = [{"digest": f"{n:064}", "inputs": {"word": "x" * 900}, "columns": {}} for n in range(100)]
        session.execute(insert(Row), rows)
    content = path.read_bytes()
    page = len(content) // 4096 - 9
    path.write_bytes(content[: page * 4096] + b"\xff" * 100 + content[page * 4096 + 100 :])


def a_cut_off_one(path: Path) -> None:
    open_run_log(path).close()
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (a_folder, "it is a folder"),
        (no_database, "no SQLite database"),
        (a_foreign_one, "belongs to another program"),
        (a_damaged_one, "it is damaged"),
        (one_with_a_damaged_page, "it is damaged"),
        (a_cut_off_one, "it is damaged"),
    ],
)
def test_what_is_no_log_of_ours_is_refused_untouched(
    tmp_path: Path, make: Callable[[Path], None], says: str
) -> None:
    """
    Given a folder, a file of another kind, another program's database or a damaged log,
    when it is opened,
    then a StorageError names it, what is wrong and what to do, and nothing in it changed.
    """
    path = tmp_path / "lab.db"
    make(path)
    before = bytes_of(path)

    with pytest.raises(StorageError, match=says) as refused:
        open_run_log(path)

    assert str(path) in refused.value.message
    assert refused.value.hint
    assert bytes_of(path) == before


MANY_MAKE = """
import sys
from multiprocessing import get_context
from pathlib import Path
from promptlab.services.run_log import open_run_log

def open_all(together):
    for number in range(40):
        together.wait(timeout=60)
        open_run_log(Path(sys.argv[1]) / str(number) / "lab.db").close()

fork = get_context("fork")
together = fork.Barrier(8)
processes = [fork.Process(target=open_all, args=(together,)) for _ in range(8)]
for process in processes:
    process.start()
for process in processes:
    process.join()
sys.exit(any(process.exitcode for process in processes))
"""


def test_a_log_that_many_make_at_once_is_locked_for_nobody(tmp_path: Path) -> None:
    """
    Given places without a log,
    when eight processes at once open each of them,
    then each gets it, and it is whole.
    """
    command = [sys.executable, "-c", MANY_MAKE, str(tmp_path)]

    ended = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert {revision_of(path / "lab.db") for path in tmp_path.iterdir()} == {REVISION}


def test_an_empty_file_becomes_a_log(tmp_path: Path) -> None:
    """
    Given a file of no bytes, as a kill in the first moment leaves it,
    when it is opened,
    then it is a log of ours.
    """
    path = tmp_path / "lab.db"
    path.touch()

    open_run_log(path).close()

    assert int.from_bytes(path.read_bytes()[68:72]) == APPLICATION_ID


def test_a_log_whose_first_write_was_cut_short_becomes_one(tmp_path: Path) -> None:
    """
    Given a file with our mark, and beside it the journal that says that it was empty before,
    when it is opened and opened again,
    then it is a log of ours both times.
    """
    path = tmp_path / "lab.db"
    claim(path)
    was_empty = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 0, 7, 0, 512, 4096)
    path.with_name("lab.db-journal").write_bytes(was_empty.ljust(512, b"\0"))

    open_run_log(path).close()
    open_run_log(path).close()

    assert revision_of(path) == REVISION


def test_what_lies_in_the_folder_is_the_owners_alone(tmp_path: Path) -> None:
    """
    Given a project without a log and a generous umask,
    when the log is opened,
    then files are 0600, folders 0700, and git ignores them all.
    """
    umask = os.umask(0)
    try:
        log = open_run_log(tmp_path / ".promptlab" / "lab.db")
        log.lock_of("x").acquire()
        with log.writing() as session:
            session.connection().exec_driver_sql("DELETE FROM runs")
            found = list((tmp_path / ".promptlab").rglob("*"))
            modes = {path.name: path.stat().st_mode & 0o777 for path in found if path.is_file()}
        log.close()
    finally:
        os.umask(umask)

    folders = [tmp_path / ".promptlab", tmp_path / ".promptlab" / "runs"]
    assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700, 0o700]
    assert modes == dict.fromkeys([".gitignore", "lab.db", "lab.db-wal", "lab.db-shm", "x.lock"], 0o600)
    assert (tmp_path / ".promptlab" / ".gitignore").read_text() == "*\n"


def test_the_durable_settings_are_on(tmp_path: Path) -> None:
    """
    Given an opened log,
    when a connection's settings are read,
    then each commit reaches the disk, nobody checkpoints by himself, and keys are checked.
    """
    log = open_run_log(tmp_path / "lab.db")

    with log.engine.connect() as connection:
        names = ("journal_mode", "synchronous", "busy_timeout", "wal_autocheckpoint", "foreign_keys")
        settings = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names]
    log.close()

    assert settings == ["wal", 2, 30_000, 0, 1]


def test_a_log_is_checkpointed_only_where_there_is_much_to_move(tmp_path: Path) -> None:
    """
    Given a log to which twelve megabytes are written, one a commit,
    when it is looked at after each commit,
    then it is checkpointed every few megabytes, and not each time once there were enough.
    """
    log = open_run_log(tmp_path / "lab.db")
    said: list[str] = []
    with log.engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        driver.set_trace_callback(said.append)
        for number in range(12):
            content = {"digest": str(number), "content": os.urandom(1 << 20)}
            connection.exec_driver_sql("INSERT INTO snapshots VALUES (:digest, :content)", content)
            connection.commit()
            checkpoint(connection, Path(log.name))
        driver.set_trace_callback(None)
    log.close()

    assert 2 <= sum("wal_checkpoint" in statement for statement in said) <= 4


@pytest.mark.parametrize("address", ["mysql://u:secret@h/db", "sqlite://", "sqlite:///:memory:", "nonsense"])
def test_other_databases_are_refused_without_their_secrets(address: str) -> None:
    """
    Given an address that names no SQLite file,
    when it is opened,
    then a UsageError says so, without the address's password.
    """
    with pytest.raises(UsageError, match="PROMPTLAB_DATABASE_URL") as refused:
        open_run_log(address)

    assert "secret" not in str(refused.value)


def test_a_log_that_is_only_read_is_not_made(tmp_path: Path) -> None:
    """
    Given a project where nothing was run,
    when its log is opened for reading,
    then a UsageError says how to make one, and none is made.
    """
    with pytest.raises(UsageError, match="there is no run log yet"):
        open_run_log(tmp_path / ".promptlab" / "lab.db", create=False)

    assert list(tmp_path.iterdir()) == []


async def test_an_address_names_a_file(tmp_path: Path) -> None:
    """
    Given an sqlite address,
    when a run is recorded there,
    then it is in that file, and stays there when the file is compacted.
    """
    log = open_run_log(f"sqlite:///{tmp_path}/other.db")
    async with recording(log):
        pass
    log.compact()

    assert run_in(log).pipeline == START.pipeline
    log.close()
    assert (tmp_path / "other.db").stat().st_size > 4096


def test_alembic_stays_out_of_the_way(tmp_path: Path) -> None:
    """
    Given a new interpreter,
    when it makes a log and opens it again,
    then alembic was not imported.
    """
    program = (
        "import sys; from promptlab.services.run_log import look_into_run_log, open_run_log, revision_of;"
        "open_run_log(sys.argv[1]).close(); open_run_log(sys.argv[1]).close();"
        "sys.exit('alembic' in sys.modules)"
    )

    child = subprocess.run([sys.executable, "-c", program, tmp_path / "lab.db"], check=False, timeout=60)

    assert child.returncode == 0
