"""The run log as one thing: opened, guarded, and asked for sessions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from promptlab.core.database import (
    checkpoint,
    claim,
    looking_into,
    open_engine,
    outside_transactions,
    sqlite_path,
    storage_errors,
    use_wal,
)
from promptlab.core.errors import UsageError
from promptlab.core.files import FileLock, is_locked, private_folder
from promptlab.core.frozen import frozen
from promptlab.models import REVISION
from promptlab.services.upgrade import bring_up_to_date, refuse_strange, revision_in


@frozen
class RunLog:
    """An opened run log. Failures inside its sessions come out as StorageError."""

    path: Path
    engine: Engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees the log as it is at its first question."""
        with storage_errors(self.path, disk=False), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that keeps other writers waiting; committed at its end."""
        engine = self.engine.execution_options(immediate=True)
        with storage_errors(self.path, disk=False), Session(engine) as session, session.begin():
            yield session

    def lock_of(self, run_id: str) -> FileLock:
        """Give the lock that a run holds while it lives."""
        return FileLock(private_folder(self.path.parent / "runs") / f"{run_id}.lock")

    def lock_owners(self) -> list[str]:
        """Give whose locks there are: those who live, and those who died holding theirs."""
        return [path.stem for path in (self.path.parent / "runs").glob("*.lock")]

    def is_running(self, run_id: str) -> bool:
        return is_locked(self.path.parent / "runs" / f"{run_id}.lock")

    def checkpoint(self) -> None:
        """Move what was committed into the main file, once there is much of it."""
        with storage_errors(self.path), self.engine.connect() as connection:
            checkpoint(connection, self.path)

    def compact(self) -> None:
        """Give space that deleted rows took back to the system."""
        with storage_errors(self.path), self.engine.connect() as connection:
            outside_transactions(connection, "VACUUM")

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_run_log(location: str | Path, *, create: bool = True) -> RunLog:
    """Open the log at a path or `sqlite:///` address, making or upgrading it as needed.

    Raises UsageError where there is none and `create` is false; StorageError where it cannot be used.
    """
    path = sqlite_path(location).absolute()
    if not create and not path.exists():
        raise UsageError(f"{path}: there is no run log yet", hint="`promptlab run PIPELINE` makes one")
    claim(path)
    with storage_errors(path):
        refuse_strange(path)
        use_wal(path)
        engine = open_engine(path)
        try:
            bring_up_to_date(engine, path)
        except BaseException:
            engine.dispose()
            raise
    return RunLog(path, engine)


def look_into_run_log(location: str | Path) -> RunLog:
    """Open the log at a path or `sqlite:///` address for reading alone; where there is none, an empty one.

    Raises UsageError where its tables are not of this version, StorageError where it cannot be read.
    """
    path = sqlite_path(location).absolute()
    if not path.exists() or (path.is_file() and not path.stat().st_size):
        return _empty_log(path)
    claim(path)
    with storage_errors(path):
        revision = refuse_strange(path)
    if revision is None:
        return _empty_log(path)
    if revision != REVISION:
        hint = "`promptlab db upgrade` brings it up to date"
        raise UsageError(f"{path}: the run log is of an older version, '{revision}'", hint=hint)
    return RunLog(path, open_engine(path, read_only=True))


def _empty_log(path: Path) -> RunLog:
    engine = open_engine(Path(":memory:"))
    bring_up_to_date(engine, path)
    return RunLog(path, engine)


def revision_of(location: str | Path) -> str | None:
    """Give the revision of a log's tables as they are, None where there is no log; changes nothing."""
    path = sqlite_path(location).absolute()
    if not path.exists() or not path.stat().st_size:
        return None
    claim(path)
    with storage_errors(path), looking_into(path) as connection:
        return revision_in(connection)
