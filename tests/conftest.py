"""Fixtures that every test may use."""

import gc
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

from tests.cli_kit import ECHO, GREEN, Cli, write_project
from tests.fakes import FakeProvider, fake_provider_process
from tests.golden_kit import Golden
from tests.lab import ended, environment
from tests.recall_kit import FirstRuns
from tests.warm_kit import forked

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy.orm import Session
    from starlette.testclient import TestClient

    from tests.page_kit import Browser
    from tests.postgres_kit import PostgresServer

ROOT = Path(__file__).parent.parent

settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")  # a machine that is busy fails no test


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write tests/golden/ anew, then look at git diff"
    )


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Spare the collector, which commands call, what was imported and collected: it lives to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """The files that say what is sent, byte for byte in meaning."""
    return Golden(ROOT / "tests" / "golden", update=request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def fake_provider_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeProvider]:
    """One process for all tests of a worker."""
    with fake_provider_process(tmp_path_factory.mktemp("fake-provider")) as provider:
        yield provider


@pytest.fixture
def fake_provider(fake_provider_of_session: FakeProvider) -> FakeProvider:
    """A fake provider as if newly started, with a journal of its own."""
    fake_provider_of_session.reset()
    return fake_provider_of_session


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """The command line, standing in a project of its own; it sees no key and no settings of the machine."""
    for name in os.environ:
        if name.startswith(("PROMPTLAB_", "OPENAI_", "ANTHROPIC_", "AZURE_")) or name.endswith("_PROXY"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings-of-user"))
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    before = gc.get_threshold()
    yield Cli(folder, capfd)
    gc.set_threshold(*before)


@pytest.fixture(scope="session")
def first_runs(tmp_path_factory: pytest.TempPathFactory) -> FirstRuns:
    """The first runs that tests of edits share."""
    return FirstRuns(tmp_path_factory.mktemp("first-runs"))


@pytest.fixture(scope="session")
def project_that_ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which echo, green and green again were run, made once."""
    folder = tmp_path_factory.mktemp("ran")
    write_project(folder, echo=ECHO, green=GREEN)
    for names in (["echo", "green"], ["green"]):
        ended(forked(folder, ["run", *names], environment()))
    return folder


@pytest.fixture
def ran(cli: Cli, project_that_ran: Path) -> Cli:
    """The command line in a copy of the project that ran."""
    shutil.copytree(project_that_ran, cli.folder, dirs_exist_ok=True)
    return cli


@pytest.fixture
def examples(cli: Cli) -> Cli:
    """The command line in a project that holds a copy of the examples."""
    for folder in ("pipelines", "prompts", "data", "tools"):
        shutil.copytree(ROOT / folder, cli.folder / folder, ignore=shutil.ignore_patterns("__pycache__"))
    (cli.folder / "promptlab.yaml").write_text("version: 1\n")
    return cli


@pytest.fixture
def app(tmp_path: Path) -> "FastAPI":
    """The HTTP application over a small project of its own."""
    from promptlab.main import create_app  # noqa: PLC0415 - few tests need it, all would import it
    from tests.serving_kit import server_settings  # noqa: PLC0415

    write_project(tmp_path, echo=ECHO, green=GREEN)
    return create_app(server_settings(tmp_path))


@pytest.fixture
def client(app: "FastAPI") -> "Iterator[TestClient]":
    """A program that speaks with the HTTP application, signed in by its header."""
    from tests.serving_kit import signed_in  # noqa: PLC0415

    with signed_in(app) as client:
        yield client


@pytest.fixture
def db_session(app: "FastAPI", tmp_path: Path) -> "Iterator[Session]":
    """A session on the log of `app`, which its routes use too: they see what is not committed yet."""
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from promptlab.core.database import default_path  # noqa: PLC0415
    from promptlab.live.serving.depends import get_db  # noqa: PLC0415
    from promptlab.services.run_log import open_run_log  # noqa: PLC0415

    with open_run_log(default_path(tmp_path)) as log, Session(log.engine) as session:
        app.dependency_overrides[get_db] = lambda: session
        yield session


@pytest.fixture(scope="session")
def postgres_server() -> "Iterator[PostgresServer]":
    """One PostgreSQL for all tests of a worker; where none can be started they are skipped."""
    from tests.postgres_kit import postgres_server  # noqa: PLC0415 - few tests need it

    with postgres_server() as server:
        yield server


@pytest.fixture
def postgres(postgres_server: "PostgresServer") -> Iterator[str]:
    """The address of a PostgreSQL database that has the tables of a log, and no row."""
    with postgres_server.with_database() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """The address of a log in PostgreSQL, and None: the project's own file."""
    return str(request.getfixturevalue("postgres")) if request.param == "postgres" else None


@pytest.fixture
def log_location(database: str | None, tmp_path: Path) -> str:
    """Where a log may lie: in a file that is not there yet, and in PostgreSQL."""
    return database or str(tmp_path / ".promptlab" / "lab.db")


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    """One Chromium for all tests of a worker; who uses it has the marks of `page_kit.needs_browser`."""
    from tests.page_kit import browsing  # noqa: PLC0415

    with browsing() as browser:
        yield browser
