"""What is asked before a run is begun again, gone on with or deleted: what it would do, and cost at worst."""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from promptlab.core.database import default_path
from promptlab.main import create_app
from tests.serving_kit import server_settings, signed_in


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, project_that_ran: Path) -> Path:
    folder = tmp_path_factory.mktemp("ordered")
    shutil.copytree(project_that_ran, folder, dirs_exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def asked(ran: Path) -> Iterator[TestClient]:
    with signed_in(create_app(server_settings(ran))) as client:
        yield client


def _have_options(folder: Path, **options: object) -> None:
    with closing(sqlite3.connect(default_path(folder))) as log, log:
        log.execute("update runs set options = ?", (json.dumps(options),))


def test_who_runs_again_is_told_what_it_costs_at_worst(asked: TestClient, ran: Path) -> None:
    """
    Given a run of the first row, with a note,
    when it is asked what running it again would do,
    then it tells calls and cost, and what is sent are the options of the run, without its note.
    """
    _have_options(ran, limit=1, note="mine", as_json=True)

    shown = asked.get("/runs/last/again").text

    sent = re.search(r'data-send="/api/runs" data-method="POST" data-json="([^"]*)"', shown)
    assert sent is not None
    assert json.loads(unescape(sent[1])) == {"pipeline": "pipelines/green.yaml", "limit": 1}
    assert re.search(r"<dt>At worst</dt><dd><b>\$0</b>", shown) is not None


def test_options_that_no_page_gives_are_refused_with_the_command(asked: TestClient, ran: Path) -> None:
    """
    Given a run with another model,
    when it is asked what running it again would do,
    then there is nothing to send, but the command that does it.
    """
    _have_options(ran, model="echo/other", as_json=True)

    shown = asked.get("/runs/last/again").text

    assert "data-send" not in shown
    assert "promptlab run pipelines/green.yaml --model echo/other" in shown


def test_a_broken_pipeline_is_told_with_its_places(asked: TestClient, ran: Path) -> None:
    """
    Given a run whose pipeline names what is not there by now,
    when it is asked what running it again would do,
    then there is nothing to send, but the problem with its place.
    """
    _have_options(ran)
    file = ran / "pipelines" / "green.yaml"
    text = file.read_text()
    file.write_text(f"{text}\nsurprise: 1\n")

    shown = asked.get("/runs/last/again").text

    file.write_text(text)
    assert "data-send" not in shown
    assert re.search(r"<code>pipelines/green\.yaml:\d+:\d+</code>.*surprise", shown) is not None


def test_who_deletes_is_told_what_goes(asked: TestClient) -> None:
    """
    Given a run,
    when it is asked what deleting it would take away,
    then it tells its trials, and nothing has gone.
    """
    shown = asked.get("/runs/last/away").text

    assert re.search(r"Deletes \d+ trials?", shown) is not None
    assert asked.get("/runs/last").status_code == 200


@pytest.mark.parametrize("what", ["again", "onwards", "away"])
def test_what_is_not_there_cannot_be_ordered(asked: TestClient, what: str) -> None:
    """
    Given no such run,
    when it is asked about,
    then it is not found.
    """
    assert asked.get(f"/runs/zzz/{what}").status_code == 404
