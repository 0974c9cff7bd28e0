"""Where a run log lies, and all in which the databases that it may lie in differ."""

import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from promptlab.core.errors import StorageError

_OF_POSTGRES = re.compile(r"postgres(ql)?(\+\w+)?://")


class RunLock(Protocol):
    """Held by one at a time; given back when its process ends, however it ends."""

    def acquire(self) -> bool:
        """Take the lock if it is free; give whether it was."""
        ...

    def wait(self) -> None:
        """Take a lock that is nobody else's."""
        ...

    def remove(self) -> None:
        """Give the lock back; one that is not held is left alone."""
        ...


class Changes(Protocol):
    """Asked inside the transactions of one connection that writes."""

    def by_others(self, connection: Connection) -> bool:
        """Say whether another connection may have written since this was last asked."""
        ...


class Store(Protocol):
    """One database. Its engines are made by `open` and `open_to_read`."""

    @property
    def name(self) -> str:
        """What messages call it; without secrets."""
        ...

    @property
    def answers_at_once(self) -> bool:
        """Whether a look-up takes so little time that an event loop may wait for it."""
        ...

    def exists(self) -> bool:
        """Say whether there is a log, whosever it is; makes none."""
        ...

    def open(self, *, create: bool, upgrade: bool) -> Engine:
        """Make or upgrade the tables as needed.

        Raises UsageError where there is none and `create` is false, or an older one that only `upgrade` may
        change; StorageError where it cannot be used.
        """
        ...

    def open_to_read(self) -> Engine | None:
        """Give an engine that refuses every write; None where there are no tables yet."""
        ...

    def revision(self) -> str | None:
        """Give the revision of the tables as they are, None where there are none; changes nothing."""
        ...

    def writing(self, engine: Engine) -> Engine:
        """Give an engine whose transactions keep other writers waiting from their beginning."""
        ...

    def errors(self, *, disk: bool = True) -> AbstractContextManager[None]:
        """Turn failures of the database, and with `disk` those of any file, into StorageError."""
        ...

    def error(self, error: BaseException) -> StorageError:
        """Say what a failure means, and what to do."""
        ...

    def lock_of(self, engine: Engine, run_id: str) -> RunLock:
        """Give the lock that a run holds while it lives."""
        ...

    def is_running(self, engine: Engine, run_id: str) -> bool:
        """Say whether the lock of a run is held."""
        ...

    def lock_owners(self, engine: Engine) -> list[str]:
        """Give all who died holding their locks and left something; some of those who live, too."""
        ...

    def bury_locks(self, engine: Engine, run_ids: Sequence[str]) -> None:
        """Take away what is left of the locks of the dead, but for those that somebody took up."""
        ...

    def changes(self) -> Changes: ...

    def committed(self, connection: Connection) -> None:
        """Do what must be done from time to time after commits; no transaction is open."""
        ...

    def compact(self, engine: Engine) -> None:
        """Make use of the space that deleted rows took."""
        ...

    def fault(self, session: Session) -> str | None:
        """Look through a log for damage."""
        ...

    def outlook(self) -> tuple[str, str | None]:
        """Say of a log that is not there yet what the first run will do, and why it could not."""
        ...

    def identity(self) -> object:
        """Give what is another thing once another log lies here; None where there is none any more."""
        ...


def store_at(location: str | Path) -> Store:
    """Give what lies at a path or an address; raises UsageError for an address that cannot be used."""
    if isinstance(location, str) and _OF_POSTGRES.match(location):
        from promptlab.services.postgres_store import PostgresStore  # noqa: PLC0415 - few have one

        return PostgresStore.at(location)
    from promptlab.services.sqlite_store import SqliteStore  # noqa: PLC0415 - not where it is PostgreSQL

    return SqliteStore.at(location)
