"""A real PostgreSQL server of a test session, with a database for each test that asks for one."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import psycopg
import pytest

from promptlab.services.run_log import open_run_log

PASSWORD = "pass-of-nobody"
TEMPLATE = "promptlab_template"
SYSTEM_USER = "postgres"  # whom initdb takes where the tests run as root
WATCHED = (
    '"$@" & read -r _; kill -QUIT $!; wait $!'  # it ends with whoever holds its stdin, however that ends
)
HASTY = {"fsync": "off", "full_page_writes": "off"}
SECONDS_TO_START = 60
OPTIONS = {
    "listen_addresses": "",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "16MB",
    "autovacuum": "off",
}


@dataclass
class PostgresServer:
    """Speaks through a socket in its folder alone; takes any password."""

    folder: Path
    process: subprocess.Popen[bytes]
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def url(self, database: str, *, user: str = "lab") -> str:
        return f"postgresql+psycopg://{user}:{PASSWORD}@/{database}?host={self.folder}"

    def run(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements as the owner of the server; give the rows of the last."""
        found: list[Any] = []
        with psycopg.connect(
            host=str(self.folder), user="lab", dbname=database, autocommit=True
        ) as connection:
            for statement in statements:
                cursor = connection.execute(statement.encode())
                found = cursor.fetchall() if cursor.description else []
        return found

    def database(self, *, empty: bool = False) -> str:
        """Make a database: a copy of one with the tables of a log, or an empty one."""
        name = f"lab_{next(self._numbers)}"
        template = "template0" if empty else TEMPLATE
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    @contextmanager
    def with_database(self, *, empty: bool = False) -> Iterator[str]:
        """Give the address of a database that is there meanwhile."""
        name = self.database(empty=empty)
        try:
            yield self.url(name)
        finally:
            self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def query(url: str, sql: str, *values: object) -> list[Any]:
    """Ask a database by its address."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        cursor = connection.execute(sql.encode(), values or None)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def postgres_server(*, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server; skips the test that asks where there is none to start.

    What it commits survives a power cut only where it is `durable`.
    """
    programs = _programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL on this machine (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="lab-pg-"))
    try:
        user = _owner(folder)
        process = _started(programs, folder, user, {} if durable else HASTY)
        try:
            server = PostgresServer(folder, process)
            _wait_for(server)
            server.run(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            open_run_log(server.url(TEMPLATE)).close()
            yield server
        finally:
            process.communicate()  # the end of its stdin is the end of the server
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path | None:
    found = shutil.which("postgres")
    if found is not None:
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: path.parts[-3])
    return installed[-1].parent if installed else None


def _owner(folder: Path) -> str | None:
    """Give the folder to whom the server runs as; None: to ourselves."""
    if os.getuid() != 0:
        return None
    try:
        shutil.chown(folder, SYSTEM_USER)
    except LookupError:
        pytest.skip(f"PostgreSQL does not run as root, and there is no user '{SYSTEM_USER}'")
    return SYSTEM_USER


def _started(
    programs: Path, folder: Path, user: str | None, more: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    data = folder / "data"
    how = ("--no-sync", "-A", "trust", "-U", "lab", "-E", "UTF8", "--locale=C.UTF-8")
    making = [str(programs / "initdb"), *how, "-D", str(data)]
    made = subprocess.run(making, user=user, cwd=folder, capture_output=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"PostgreSQL cannot be set up: {made.stderr.decode(errors='replace')[-500:]}")
    options = [f"--{name}={value}" for name, value in {**OPTIONS, **more}.items()]
    command = [str(programs / "postgres"), "-D", str(data), f"--unix_socket_directories={folder}", *options]
    with (folder / "server.log").open("wb") as log:
        return subprocess.Popen(
            ["sh", "-c", WATCHED, "sh", *command],
            user=user,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,  # what ends the tests by a signal is not for it
        )


def _wait_for(server: PostgresServer) -> None:
    until = monotonic() + SECONDS_TO_START
    while True:
        try:
            server.run("SELECT 1")
        except psycopg.OperationalError as error:
            if server.process.poll() is not None or monotonic() > until:
                said = (server.folder / "server.log").read_text(errors="replace")
                pytest.skip(f"PostgreSQL does not start: {error}; {said[-500:]}")
            sleep(0.02)
        else:
            return
