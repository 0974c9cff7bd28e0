"""The PostgreSQL database behind a shared run log: how it is reached, and what its failures mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.dialects.sqlite.dml import OnConflictDoNothing
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionLeft
from sqlalchemy.ext.compiler import compiles

from promptlab.core.errors import PromptlabError, StorageError, UsageError
from promptlab.core.extras import install_command, is_installed, needs

BUSY_SECONDS = 30
CONNECT_SECONDS = 10
CONNECTIONS, MORE_CONNECTIONS = 5, 25  # kept open, and opened beside them while many are asked for

_DRIVERS = ("postgresql", "postgresql+psycopg", "postgres")
_VARIABLE = "PROMPTLAB_DATABASE_URL"
_KEEP_ALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
# Sums of floats must come out the same from page to page, which those of parallel workers do not.
_SETTINGS = f"""
SET TIME ZONE 'UTC';
SET lock_timeout = '{BUSY_SECONDS}s';
SET max_parallel_workers_per_gather = 0;
SET tcp_keepalives_idle = 30;
SET tcp_keepalives_interval = 10;
SET tcp_keepalives_count = 3;
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
"""
_AWAY = ("the server does not answer", "check that it runs and can be reached from here, then run again")
_MEANINGS = {
    "08": _AWAY,
    "22": ("it does not take a value", "report this: it is a bug of promptlab"),
    "23": ("what is written does not fit what is there", "report this: it is a bug of promptlab"),
    "25006": ("it is read-only", "name a server that can be written to"),
    "28": ("the server refuses the user", f"check the user and the password in {_VARIABLE}"),
    "3D000": ("there is no such database", "make it by `createdb`, or name another"),
    "42501": ("the user has no right to that", "let the user own the database's schema, or name another"),
    "42P01": ("a table is gone", "put a backup in its place, or name another database"),
    "53100": ("the disk of the server is full", "free some space there, then run again"),
    "53300": ("the server has too many connections", "run again later, or raise its max_connections"),
    "55P03": (f"another process kept it locked for {BUSY_SECONDS} s", "run again when that has ended"),
    "57": ("the server ended the connection", "run again when it is back; what was recorded is kept"),
    "XX001": ("it is damaged", "put a backup in its place"),
}
_UNKNOWN = ("it cannot be read or written", "see the server's own log for more")
_WORDS = {"password authentication failed": "28", "no pg_hba.conf entry": "28", '" does not exist': "3D000"}
_TO_WRITE = "postgresql_writer"


@compiles(OnConflictDoNothing, "postgresql")
def _left_out(_clause: OnConflictDoNothing, _compiler: object, **_options: object) -> str:
    """Write what leaves rows out that are there; statements are made once, in the words for SQLite."""
    return "ON CONFLICT DO NOTHING"


def postgres_url(location: str) -> URL:
    """Read an address; raises UsageError, without the password, for one that cannot be used."""
    if location.partition("://")[0] not in _DRIVERS:
        raise UsageError(
            f"{_VARIABLE}: the driver of '{location.partition('://')[0]}' is not known",
            hint="say postgresql+psycopg://USER@HOST/DATABASE",
        )
    try:
        url = make_url(location).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise _unreadable() from None
    if "@" in (url.host or "") or not url.database:
        raise _unreadable()
    _require_driver()
    return url


def _unreadable() -> UsageError:
    return UsageError(
        f"{_VARIABLE}: the address of the PostgreSQL database cannot be read",
        hint="say postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE, with %40 for an @ of the password",
    )


def _require_driver() -> None:
    if not is_installed("postgres"):
        raise UsageError(needs("a run log in PostgreSQL", "postgres"), hint=install_command("postgres"))


def shown(url: URL) -> str:
    """Give what messages call a database: its host and name, and nothing that is secret."""
    host = url.host or str(url.query.get("host", ""))
    port = f":{url.port}" if url.port else ""
    return f"postgresql://{host}{port}/{url.database}"


def postgres_engine(url: URL, *, read_only: bool = False) -> Engine:
    """Give an engine whose sessions see the log as it is at their first question.

    Those of `writing` keep other writers waiting. With `read_only` every write is refused.
    """
    said = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    engine = create_engine(
        url,
        isolation_level="REPEATABLE READ",
        use_native_hstore=False,  # to look for it costs a question a connection
        pool_size=CONNECTIONS,
        max_overflow=MORE_CONNECTIONS,
        pool_pre_ping=True,
        connect_args={**_KEEP_ALIVE, **said},
    )
    event.listen(engine, "connect", _protect if read_only else _prepare)
    event.listen(engine, "begin", _begin)
    return engine


def writing(engine: Engine) -> Engine:
    """Give an engine whose transactions take the one writer's lock first, and see all that was written."""
    return engine.execution_options(isolation_level="READ COMMITTED", **{_TO_WRITE: True})


def _prepare(connection: Any, _record: object) -> None:
    from psycopg.adapt import Loader  # noqa: PLC0415 - only where there is one

    class PlainNumber(Loader):
        """Sums and means of whole numbers, which come as NUMERIC, as numbers of Python's own."""

        def load(self, data: Any) -> int | float:
            text = bytes(data)
            return float(text) if b"." in text or not text.strip(b"-").isdigit() else int(text)

    connection.adapters.register_loader("numeric", PlainNumber)
    connection.execute(_SETTINGS)
    connection.commit()


def _protect(connection: Any, record: object) -> None:
    _prepare(connection, record)
    connection.execute("SET default_transaction_read_only = on")
    connection.commit()


def _begin(connection: Connection) -> None:
    if connection.get_execution_options().get(_TO_WRITE):
        _driver(connection).execute("SELECT pg_advisory_xact_lock(%s)", (lock_key("writer"),))


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection


def lock_key(name: str) -> int:
    """Give the number of the advisory lock of this name: 64 bits with a sign."""
    return int.from_bytes(sha256(f"promptlab {name}".encode()).digest()[:8], signed=True)


def outside_transactions(engine: Engine, *statements: str) -> None:
    """Run what PostgreSQL takes only where no transaction is open."""
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def postgres_error(url: URL, error: BaseException) -> StorageError:
    """Say what a failure of the database means, and what to do."""
    cause = getattr(error, "orig", None) or error
    detail = _first_line(str(cause))
    if url.password:
        detail = detail.replace(str(url.password), "***")
    meaning, advice = _meaning(cause, detail)
    return StorageError(
        f"{shown(url)}: the run log cannot be used: {meaning}" + (f" ({detail})" if detail else ""),
        hint=advice,
    )


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0].strip()


def _meaning(cause: BaseException, detail: str) -> tuple[str, str]:
    state = getattr(cause, "sqlstate", None) or next(
        (state for words, state in _WORDS.items() if words in detail), ""
    )
    if not state and type(cause).__name__ in ("OperationalError", "ConnectionTimeout", "InterfaceError"):
        return _AWAY
    found = (meaning for known, meaning in _MEANINGS.items() if state.startswith(known))
    return next(found, _UNKNOWN)


@contextmanager
def postgres_errors(url: URL, *, disk: bool = True) -> Iterator[None]:
    """Turn failures of the database, and with `disk` those of any file, into StorageError."""
    import psycopg  # noqa: PLC0415 - only where it is installed

    expected = (DBAPIError, NoConnectionLeft, psycopg.Error, *((OSError,) if disk else ()))
    try:
        yield
    except PromptlabError:
        raise
    except expected as error:
        raise postgres_error(url, error) from error
