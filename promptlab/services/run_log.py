"""The run log as one thing: opened, guarded, and asked for sessions."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from promptlab.core.frozen import frozen
from promptlab.services.store import RunLock, Store, store_at


@frozen
class RunLog:
    """An opened run log. Failures inside its sessions come out as StorageError."""

    store: Store
    engine: Engine

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.store.name

    @property
    def writers(self) -> Engine:
        """Give what to connect to for transactions that keep other writers waiting."""
        return self.store.writing(self.engine)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session that sees the log as it is at its first question."""
        with self.store.errors(disk=False), Session(self.engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give a session that keeps other writers waiting; committed at its end."""
        with self.store.errors(disk=False), Session(self.writers) as session, session.begin():
            yield session

    def errors(self) -> AbstractContextManager[None]:
        """Turn failures of the log and of files into StorageError."""
        return self.store.errors()

    def lock_of(self, run_id: str) -> RunLock:
        """Give the lock that a run holds while it lives."""
        return self.store.lock_of(self.engine, run_id)

    def lock_owners(self) -> list[str]:
        """Give who died holding a lock and left something, and some of those who live."""
        return self.store.lock_owners(self.engine)

    def bury_locks(self, run_ids: Sequence[str]) -> None:
        """Take away what is left of the locks of the dead."""
        self.store.bury_locks(self.engine, run_ids)

    def is_running(self, run_id: str) -> bool:
        return self.store.is_running(self.engine, run_id)

    def checkpoint(self) -> None:
        """Move what was committed into the main file, once there is much of it."""
        with self.store.errors(), self.engine.connect() as connection:
            self.store.committed(connection)

    def compact(self) -> None:
        """Make use of the space that deleted rows took."""
        with self.store.errors():
            self.store.compact(self.engine)

    def close(self) -> None:
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def open_run_log(location: str | Path, *, create: bool = True, upgrade: bool = False) -> RunLog:
    """Open the log at a path or an address, making or upgrading it as needed.

    Raises UsageError where there is none and `create` is false, and for an older one in PostgreSQL, which is
    changed only with `upgrade`; StorageError where it cannot be used.
    """
    store = store_at(location)
    return RunLog(store, store.open(create=create, upgrade=upgrade))


def look_into_run_log(location: str | Path) -> RunLog:
    """Open the log at a path or an address for reading alone; where there is none, an empty one.

    Raises UsageError where its tables are not of this version, StorageError where it cannot be read.
    """
    store = store_at(location)
    engine = store.open_to_read()
    return RunLog(store, engine) if engine is not None else _empty_log()


def _empty_log() -> RunLog:
    from promptlab.services.sqlite_store import SqliteStore  # noqa: PLC0415 - seldom needed
    from promptlab.services.upgrade import empty_engine  # noqa: PLC0415 - likewise

    return RunLog(SqliteStore(Path(":memory:")), empty_engine())


def revision_of(location: str | Path) -> str | None:
    """Give the revision of a log's tables as they are, None where there is no log; changes nothing."""
    return store_at(location).revision()
