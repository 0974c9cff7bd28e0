"""A run log in a PostgreSQL database, which many machines may share; its locks are the server's."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Self

from sqlalchemy import URL, Connection, Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from promptlab.core.errors import StorageError, UsageError
from promptlab.core.frozen import frozen, slotted
from promptlab.core.postgres import (
    lock_key,
    outside_transactions,
    postgres_engine,
    postgres_error,
    postgres_errors,
    postgres_url,
    shown,
    writing,
)
from promptlab.models import REVISION, Base
from promptlab.services.postgres_tables import bring_up, look
from promptlab.services.upgrade import older

_IS_HELD = text("""
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND classid::bigint = :high AND objid::bigint = :low
""")
_OPEN = text("SELECT DISTINCT run_id FROM attempts WHERE state = 'intent'")
_MAY_CREATE = text("SELECT has_schema_privilege(current_schema(), 'CREATE')")
_LOW_BITS = 32


@frozen
class PostgresStore:
    url: URL
    answers_at_once: bool = False

    @classmethod
    def at(cls, location: str) -> Self:
        return cls(postgres_url(location))

    @property
    def name(self) -> str:
        return shown(self.url)

    def exists(self) -> bool:
        with self._once() as connection:
            return look(connection).has_tables

    def open(self, *, create: bool, upgrade: bool) -> Engine:
        engine = postgres_engine(self.url)
        try:
            with self.errors():
                self._bring_up(engine, create=create, upgrade=upgrade)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def open_to_read(self) -> Engine | None:
        revision = self.revision()
        if revision not in (None, REVISION):
            raise older(self.name, revision)
        return postgres_engine(self.url, read_only=True) if revision else None

    def revision(self) -> str | None:
        with self._once() as connection:
            return look(connection).revision_of_ours(self.name)

    def writing(self, engine: Engine) -> Engine:
        return writing(engine)

    def errors(self, *, disk: bool = True) -> AbstractContextManager[None]:
        return postgres_errors(self.url, disk=disk)

    def error(self, error: BaseException) -> StorageError:
        return postgres_error(self.url, error)

    def lock_of(self, engine: Engine, run_id: str) -> "PostgresLock":
        return PostgresLock(self, engine, _key(run_id))

    def is_running(self, engine: Engine, run_id: str) -> bool:
        high, low = divmod(_key(run_id) % (1 << 64), 1 << _LOW_BITS)
        with self.errors(), engine.connect() as connection:
            return bool(connection.execute(_IS_HELD, {"high": high, "low": low}).scalar())

    def lock_owners(self, engine: Engine) -> list[str]:
        with self.errors(), engine.connect() as connection:
            return list(connection.execute(_OPEN).scalars())

    def bury_locks(self, _engine: Engine, _run_ids: Sequence[str]) -> None:
        """Leave nothing: the server gives the locks of the dead back."""

    def changes(self) -> "PostgresChanges":
        return PostgresChanges()

    def committed(self, _connection: Connection) -> None:
        """Leave it to the server."""

    def compact(self, engine: Engine) -> None:
        """Have the space used again; to give it back to the system would lock everybody out."""
        names = ", ".join(table.name for table in Base.metadata.sorted_tables)
        outside_transactions(engine, f"VACUUM (ANALYZE) {names}")

    def fault(self, _session: Session) -> str | None:
        """Find nothing: the server looks after its own files."""
        return None

    def outlook(self) -> tuple[str, str | None]:
        with self._once() as connection:
            if connection.execute(_MAY_CREATE).scalar():
                return f"the first run makes the tables in {self.name}", None
        return f"the user may not make tables in {self.name}", "let the user own the schema"

    def identity(self) -> str:
        return self.name

    @contextmanager
    def _once(self) -> Iterator[Connection]:
        """Give a connection of an engine that is not kept."""
        engine = postgres_engine(self.url)
        try:
            with self.errors(), engine.connect() as connection:
                yield connection
        finally:
            engine.dispose()

    def _bring_up(self, engine: Engine, *, create: bool, upgrade: bool) -> None:
        with engine.connect() as connection:
            revision = look(connection).revision_of_ours(self.name)
        if revision == REVISION:
            return
        if revision is None and not create:
            raise UsageError(
                f"{self.name}: there is no run log yet", hint="`promptlab run PIPELINE` makes one"
            )
        if revision is not None and not upgrade:
            raise older(self.name, revision)
        bring_up(writing(engine), self.name)


class PostgresLock:
    """An advisory lock of a connection of its own, which the server gives back when that ends."""

    def __init__(self, store: PostgresStore, engine: Engine, key: int) -> None:
        self._store = store
        self._engine = engine
        self._key = key
        self._connection: Connection | None = None

    def acquire(self) -> bool:
        with self._store.errors():
            connection = self._engine.execution_options(isolation_level="AUTOCOMMIT").connect()
            connection.detach()
            taken = text("SELECT pg_try_advisory_lock(:key)")
            if connection.execute(taken, {"key": self._key}).scalar():
                self._connection = connection
            else:
                connection.close()
        return self._connection is not None

    def wait(self) -> None:
        if not self.acquire():
            raise StorageError(
                f"{self._store.name}: a new run found its lock taken",
                hint="run again: its id is another then",
            )

    def remove(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        with suppress(DBAPIError):  # the server is gone, and the lock with it
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._key})
        connection.close()


@slotted
class PostgresChanges:
    """Transactions that write have numbers; by the lock of the writer, one after the other."""

    _last: int = 0

    def by_others(self, connection: Connection) -> bool:
        before = self._last
        self._last = int(connection.exec_driver_sql("SELECT pg_current_xact_id()::text").scalar_one())
        return self._last != before + 1


def _key(run_id: str) -> int:
    return lock_key(f"run {run_id}")
