"""A run log in an SQLite file, with the locks of its runs in a folder beside it."""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Self

from sqlalchemy import Connection, Engine, text
from sqlalchemy.orm import Session

from promptlab.core.database import (
    checkpoint,
    claim,
    looking_into,
    open_engine,
    outside_transactions,
    sqlite_path,
    storage_error,
    storage_errors,
    use_wal,
)
from promptlab.core.errors import StorageError, UsageError
from promptlab.core.files import FileLock, is_locked, private_folder
from promptlab.core.frozen import frozen, slotted
from promptlab.models import REVISION
from promptlab.services.upgrade import bring_up_to_date, older, refuse_strange, revision_in


@frozen
class SqliteStore:
    path: Path
    answers_at_once: bool = True

    @classmethod
    def at(cls, location: str | Path) -> Self:
        return cls(sqlite_path(location).absolute())

    @property
    def name(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        return self.path.exists()

    def open(self, *, create: bool, upgrade: bool) -> Engine:
        del upgrade  # there is a backup: it may always be
        if not create and not self.exists():
            raise UsageError(
                f"{self.path}: there is no run log yet", hint="`promptlab run PIPELINE` makes one"
            )
        claim(self.path)
        with self.errors():
            refuse_strange(self.path)
            use_wal(self.path)
            engine = open_engine(self.path)
            try:
                bring_up_to_date(engine, self.path)
            except BaseException:
                engine.dispose()
                raise
        return engine

    def open_to_read(self) -> Engine | None:
        if not self.exists() or (self.path.is_file() and not self.path.stat().st_size):
            return None
        claim(self.path)
        with self.errors():
            revision = refuse_strange(self.path)
        if revision not in (None, REVISION):
            raise older(self.name, revision)
        return open_engine(self.path, read_only=True) if revision else None

    def revision(self) -> str | None:
        if not self.exists() or not self.path.stat().st_size:
            return None
        claim(self.path)
        with self.errors(), looking_into(self.path) as connection:
            return revision_in(connection)

    def writing(self, engine: Engine) -> Engine:
        return engine.execution_options(immediate=True)

    def errors(self, *, disk: bool = True) -> AbstractContextManager[None]:
        return storage_errors(self.path, disk=disk)

    def error(self, error: BaseException) -> StorageError:
        return storage_error(self.path, error)

    def lock_of(self, _engine: Engine, run_id: str) -> FileLock:
        return FileLock(private_folder(self._locks) / f"{run_id}.lock")

    def is_running(self, _engine: Engine, run_id: str) -> bool:
        return is_locked(self._locks / f"{run_id}.lock")

    def lock_owners(self, _engine: Engine) -> list[str]:
        return [path.stem for path in self._locks.glob("*.lock")]

    def bury_locks(self, engine: Engine, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            lock = self.lock_of(engine, run_id)
            if lock.acquire():  # else somebody resumes it
                lock.remove()

    def changes(self) -> "SqliteChanges":
        return SqliteChanges()

    def committed(self, connection: Connection) -> None:
        checkpoint(connection, self.path)

    def compact(self, engine: Engine) -> None:
        with engine.connect() as connection:
            outside_transactions(connection, "VACUUM")

    def fault(self, session: Session) -> str | None:
        found = str(session.execute(text("PRAGMA quick_check(1)")).scalar())
        return None if found == "ok" else found

    def outlook(self) -> tuple[str, str | None]:
        folder = next(above for above in self.path.parents if above.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            return f"{folder} is no folder that can be written", "make it writable"
        return f"the first run makes {self.path}", None

    def identity(self) -> tuple[int, int] | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @property
    def _locks(self) -> Path:
        return self.path.parent / "runs"


@slotted
class SqliteChanges:
    _version: int | None = None

    def by_others(self, connection: Connection) -> bool:
        before = self._version
        self._version = connection.exec_driver_sql("PRAGMA data_version").scalar()
        return self._version != before
