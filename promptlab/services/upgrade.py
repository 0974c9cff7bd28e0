"""Brings a run log in SQLite to the newest tables: makes them, or migrates older ones behind a backup."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from promptlab.core.database import looking_into, open_engine, outside_transactions, refuse_damaged
from promptlab.core.errors import StorageError, UsageError
from promptlab.core.files import private_file
from promptlab.models import REVISION, Base

if TYPE_CHECKING:
    from alembic.config import Config

_HAS_TABLE = text("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'")
_READ = text("SELECT version_num FROM alembic_version")


def migrations_folder() -> Path:
    """Give where the migrations lie: inside the installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def current(engine: Engine) -> str | None:
    """Give the revision of the tables, None where there are none yet."""
    with engine.connect() as connection:
        return _revision(connection)


def refuse_strange(path: Path) -> str | None:
    """Give the revision of a log; raises StorageError, and writes nothing, for a newer or damaged one."""
    with looking_into(path) as connection:
        refuse_damaged(connection, path)
        revision = revision_in(connection)
    if revision not in (None, REVISION):
        refuse_newer(revision, migrations_folder(), str(path))
    return revision


def revision_in(connection: sqlite3.Connection) -> str | None:
    if connection.execute(str(_HAS_TABLE)).fetchone() is None:
        return None
    found = connection.execute(str(_READ)).fetchone()
    return found[0] if found else None


def bring_up_to_date(engine: Engine, path: Path) -> None:
    """Make or migrate the tables of a log that was found to be no strange one."""
    revision = current(engine)
    if revision is None:
        _create(engine)
    elif revision != REVISION:
        migrate(engine, path)


def empty_engine() -> Engine:
    """Give a log without anything in it, in memory."""
    engine = open_engine(Path(":memory:"))
    _create(engine)
    return engine


def migrate(engine: Engine, path: Path, *, folder: Path | None = None) -> None:
    """Run the migrations of `folder` in one transaction, after a backup of the file beside it."""
    from alembic import command  # noqa: PLC0415 (slow to import, seldom needed)

    folder = folder or migrations_folder()
    config = alembic_config(folder)
    with engine.execution_options(immediate=True).connect() as connection:
        _foreign_keys(connection, enforced=False)
        try:
            with connection.begin():
                revision = _revision(connection)
                refuse_newer(revision, folder, str(path))
                _back_up(path, revision or "base")
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
        finally:
            _foreign_keys(connection, enforced=True)


def _revision(connection: Connection) -> str | None:
    if connection.execute(_HAS_TABLE).first() is None:
        return None
    found: str | None = connection.execute(_READ).scalar()
    return found


def _create(engine: Engine) -> None:
    with engine.execution_options(immediate=True).begin() as connection:
        if _revision(connection) is not None:
            return  # another process was quicker
        Base.metadata.create_all(connection)
        connection.execute(
            text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
        )
        connection.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": REVISION})


def alembic_config(folder: Path) -> "Config":
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def older(name: str, revision: str | None) -> UsageError:
    """Give the error of a log that must not be changed here."""
    hint = "`promptlab db upgrade` brings it up to date"
    return UsageError(f"{name}: the run log is of an older version, '{revision}'", hint=hint)


def refuse_newer(revision: str | None, folder: Path, name: str) -> None:
    """Raise StorageError for a revision that none of the migrations in `folder` leads to."""
    known = {file.stem.partition("_")[0] for file in (folder / "versions").glob("*.py")}
    if revision is not None and revision not in known:
        raise StorageError(
            f"{name}: this promptlab does not know the log's revision '{revision}'; it was left untouched",
            hint="a newer promptlab wrote it: upgrade, or name another log by PROMPTLAB_DATABASE_URL",
        )


def _back_up(path: Path, revision: str) -> None:
    """Copy the log beside itself; only one process at a time comes here, as it holds the writer's lock."""
    backup = path.with_name(f"{path.name}.backup-{revision}")
    unfinished = backup.with_name(f"{backup.name}.unfinished")
    _remove(unfinished)
    try:
        with (
            closing(sqlite3.connect(path)) as source,
            closing(sqlite3.connect(private_file(unfinished))) as target,
        ):
            source.backup(target)
        unfinished.replace(backup)
    finally:
        _remove(unfinished)


def _remove(database: Path) -> None:
    for suffix in ("", "-journal"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)


def _foreign_keys(connection: Connection, *, enforced: bool) -> None:
    """Batch migrations replace tables, and rows that point to them must survive that."""
    outside_transactions(connection, f"PRAGMA foreign_keys={'ON' if enforced else 'OFF'}")
