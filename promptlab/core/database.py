"""The SQLite file behind the run log: whose it is, how it is opened, and what its failures mean."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from promptlab.core.errors import PromptlabError, StorageError, UsageError
from promptlab.core.files import OWN_FOLDER, FileLock, own_folder, private_file, private_folder

APPLICATION_ID = 0x504C4142  # "PLAB", in the header of each of our files
BUSY_SECONDS = 30
CHECKPOINT_BYTES = 4 * 1024 * 1024
CHECKED_BYTES = 32 * 1024 * 1024  # larger logs are not looked through each time; this many take 20 ms
LOG_FILE = "lab.db"

logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())  # what it would print, we raise

_MAGIC = b"SQLite format 3\0"
_ID_AT = slice(68, 72)
_VERSIONS_AT, _WITH_WAL = slice(18, 20), b"\2\2"
_POLL_SECONDS = 0.005
# Two connections that checkpoint at once can corrupt a log before SQLite 3.51.3: only `checkpoint` does it.
_PRAGMAS = (
    f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=0",
    "PRAGMA journal_size_limit=0",  # what was moved is cut off, so that the size says what was not
    "PRAGMA foreign_keys=ON",
)
_MEANINGS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space, then run again; what was recorded is kept"),
    sqlite3.SQLITE_READONLY: (
        "it is read-only",
        "make it writable, or name another by PROMPTLAB_DATABASE_URL",
    ),
    sqlite3.SQLITE_CANTOPEN: ("it cannot be opened", "check that its folder exists and is writable"),
    sqlite3.SQLITE_BUSY: (
        f"another process kept it locked for {BUSY_SECONDS} s",
        "run again when that has ended",
    ),
    sqlite3.SQLITE_CORRUPT: ("it is damaged", "move it away, or put a backup in its place"),
    sqlite3.SQLITE_NOTADB: ("it is no SQLite database", "move it away, or name another file"),
    sqlite3.SQLITE_IOERR: (
        "the disk could not be read or written",
        "check the disk, its quota and its free space",
    ),
}
_MEANINGS[sqlite3.SQLITE_LOCKED] = _MEANINGS[sqlite3.SQLITE_BUSY]
_UNKNOWN = ("it cannot be read or written", "check its folder, who may write there, and the free space")


def default_path(root: Path) -> Path:
    """Give where the run log of the project at `root` lies."""
    return root / OWN_FOLDER / LOG_FILE


def sqlite_path(location: str | Path) -> Path:
    """Give the file that a path or an `sqlite:///` address names; raises UsageError for any other address."""
    if isinstance(location, Path):
        return location
    scheme, separator, rest = location.partition("://")
    if not separator:
        return _file(location)
    if scheme.partition("+")[0] != "sqlite" or not rest.startswith("/") or rest in ("/", "/:memory:"):
        raise UsageError(
            f"PROMPTLAB_DATABASE_URL: the run log cannot be a '{scheme}' database of this kind",
            hint="name an SQLite file, sqlite:///path/to/lab.db, or PostgreSQL, postgresql+psycopg://HOST/DATABASE",
        )
    return Path(rest[1:])


def _file(location: str) -> Path:
    """Give a file named by its path; a bare word is rather a slip than a place for a log."""
    path = Path(location)
    if not path.suffix and "/" not in location:
        raise UsageError(
            f"PROMPTLAB_DATABASE_URL: '{location[:100]}' names no file and no database",
            hint="name an SQLite file: logs/lab.db, or sqlite:///path/to/lab.db",
        )
    return path


def storage_error(path: Path, error: BaseException) -> StorageError:
    """Say what a failure of the database or of its file means, and what to do."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError):
        return StorageError(
            f"{path}: the run log cannot be used: {cause.strerror or cause}", hint=_UNKNOWN[1]
        )
    return _unusable(path, getattr(cause, "sqlite_errorcode", 0) & 0xFF, str(cause))


@contextmanager
def storage_errors(path: Path, *, disk: bool = True) -> Iterator[None]:
    """Turn failures of the database, and with `disk` those of any file, into StorageError."""
    try:
        yield
    except PromptlabError:
        raise
    except (DBAPIError, sqlite3.Error) as error:
        raise storage_error(path, error) from error
    except OSError as error:
        if not disk:
            raise
        raise storage_error(path, error) from error


def claim(path: Path) -> None:
    """Make sure that `path` is a run log of ours, making an empty one where there is none.

    Raises StorageError for a folder, for what is no database and for the database of another program; these
    are not touched.
    """
    with storage_errors(path):
        if path.is_dir() or _size(path):
            _identify(path)
        if _size(path) and not _journal(path).exists():
            return
        make = own_folder if path.parent.name == OWN_FOLDER else private_folder
        make(path.parent)
        with _alone(path):
            _take_back_unfinished(path)
            if not _size(path):
                _make(path)


def use_wal(path: Path) -> None:
    """Give a log its WAL, where it has none yet; it must have been found to be in order."""
    if _header(path)[_VERSIONS_AT] == _WITH_WAL:
        return
    with _alone(path), closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other processes away: of two that change a log without a WAL, SQLite lets one fail at once."""
    lock = FileLock(path.with_name(f"{path.name}.making.lock"))
    deadline = monotonic() + BUSY_SECONDS
    while not lock.acquire():
        if monotonic() > deadline:
            raise _unusable(path, sqlite3.SQLITE_BUSY)
        sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        lock.remove()


def _unusable(path: Path, code: int, detail: str = "") -> StorageError:
    meaning, advice = _MEANINGS.get(code, _UNKNOWN)
    return StorageError(
        f"{path}: the run log cannot be used: {meaning}" + (f" ({detail})" if detail else ""), hint=advice
    )


def _take_back_unfinished(path: Path) -> None:
    """Have SQLite undo a write of ours that a kill cut short; of the very first one nothing is left then."""
    if _journal(path).exists():
        with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
            connection.execute("PRAGMA schema_version")


def _identify(path: Path) -> None:
    if path.is_dir():
        raise StorageError(f"{path}: the run log cannot be used: it is a folder", hint="name a file")
    header = _header(path)
    if not header.startswith(_MAGIC):
        raise _unusable(path, sqlite3.SQLITE_NOTADB)
    if int.from_bytes(header[_ID_AT]) != APPLICATION_ID:
        raise StorageError(
            f"{path}: this database belongs to another program; it was left untouched",
            hint="name another file by PROMPTLAB_DATABASE_URL",
        )


def _header(path: Path) -> bytes:
    found = path.stat()
    return os.pread(_descriptor(found.st_dev, found.st_ino, path), 100, 0)


@cache
def _descriptor(_device: int, _inode: int, path: Path) -> int:
    """Open a file for good: by closing it this process would give up the locks that SQLite has on it."""
    return os.open(path, os.O_RDONLY)


def _make(path: Path) -> None:
    with closing(sqlite3.connect(private_file(path), timeout=BUSY_SECONDS)) as connection:
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")


@contextmanager
def looking_into(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection that leaves the file as it is: it does not even move the WAL into it."""
    with closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as connection:
        connection.setconfig(sqlite3.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, _size(_wal(path)) > 0)
        connection.execute("PRAGMA query_only=ON")
        yield connection


def refuse_damaged(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StorageError where a log that is not too large for that has a page that makes no sense."""
    if path.stat().st_size > CHECKED_BYTES:
        return
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _unusable(path, sqlite3.SQLITE_CORRUPT, " ".join(found.split()))


def open_engine(path: Path, *, read_only: bool = False) -> Engine:
    """Give an engine for the log at `path`, which must have been claimed.

    Its transactions begin when they first read or write; with the execution option `immediate` they take the
    writer's lock at once, so that they wait for other writers instead of failing half-way. With `read_only`
    every write is refused.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"autocommit": False})
    event.listen(engine, "connect", _prepare)
    if read_only:
        event.listen(engine, "connect", _protect)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: sqlite3.Connection, _record: object) -> None:
    connection.autocommit = True  # these have no effect inside a transaction
    for pragma in _PRAGMAS:
        connection.execute(pragma)
    connection.autocommit = False


def _protect(connection: sqlite3.Connection, _record: object) -> None:
    connection.autocommit = True
    connection.execute("PRAGMA query_only=ON")
    connection.autocommit = False


def outside_transactions(connection: Connection, statement: str) -> None:
    """Run what SQLite takes only where no transaction is open."""
    connection.rollback()
    driver = _driver(connection)
    driver.autocommit = True
    try:
        driver.execute(statement)
    finally:
        driver.autocommit = False


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get("immediate"):
        driver = _driver(connection)
        driver.execute("ROLLBACK")
        driver.execute("BEGIN IMMEDIATE")


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def checkpoint(connection: Connection, path: Path) -> None:
    """Move what was committed into the main file once there is much of it, unless another process does."""
    if _size(_wal(path)) < CHECKPOINT_BYTES:
        return
    lock = FileLock(path.with_name(f"{path.name}.checkpoint.lock"))
    if not lock.acquire():
        return
    try:
        outside_transactions(connection, "PRAGMA wal_checkpoint(PASSIVE)")
    finally:
        lock.release()


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
