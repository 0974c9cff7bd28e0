"""What a server remembers of pipelines between requests."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.cli_kit import ECHO

WITH_PROMPT = ECHO.replace('messages: [{role: user, content: "{{ word }}!"}]', "prompt: prompts/say.j2")
HOUR = 3600
PATH = "pipelines/said.yaml"


def write(root: Path, path: str, text: str) -> None:
    """Write a file that was not touched for an hour, as its folder tells."""
    file = root / path
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    an_hour_ago = (root / "promptlab.yaml").stat().st_mtime - HOUR
    os.utime(file, (an_hour_ago, an_hour_ago))


def told(client: TestClient) -> Any:
    """Give what is told of the pipeline in a list."""
    listed = client.get("/api/pipelines").json()["pipelines"]
    return next((one for one in listed if one["path"] == PATH), None)


@pytest.fixture
def project(tmp_path: Path, client: TestClient, app: FastAPI) -> Path:
    """A project with a pipeline that the server of `client` has in mind."""
    write(tmp_path, PATH, WITH_PROMPT)
    write(tmp_path, "prompts/say.j2", "{{ word }}")
    assert told(client)["loads"]
    assert app.state.opened.pipelines.get(PATH) is not None
    return tmp_path


def test_a_list_is_the_same_from_memory(project: Path, client: TestClient) -> None:
    """
    Given a pipeline that was listed,
    when it is listed again, from memory, and read,
    then the same is told of it.
    """
    told(client)
    again, read = told(client), client.get("/api/pipelines/said").json()

    assert (again["loads"], again["rows"], again["cells"], again["problems"]) == (True, 2, ["base"], 0)
    assert again["name"] == read["name"] == "said"
    assert (project / PATH).exists()


CHANGES: dict[str, tuple[Callable[[Path], object], Any]] = {
    "template": (lambda root: write(root, "prompts/say.j2", "{{ wrod }}"), False),
    "template gone": (lambda root: (root / "prompts" / "say.j2").unlink(), False),
    "pipeline": (lambda root: write(root, PATH, WITH_PROMPT.replace("hello", "{x: y")), False),
    "settings": (lambda root: (root / "promptlab.yaml").write_text("limits: {cost_usd: 1}\n"), True),
    "pipeline gone": (lambda root: (root / PATH).unlink(), None),
}


@pytest.mark.parametrize(("change", "loads"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_at_once(project: Path, client: TestClient, change: Any, loads: Any) -> None:
    """
    Given a pipeline that the server remembers,
    when something that it hangs on changes, and keeps its size and its time,
    then the next list tells of it.
    """
    change(project)

    found = told(client)

    assert (None if found is None else found["loads"]) is loads


def test_what_was_missing_is_seen_once_it_is_there(project: Path, client: TestClient) -> None:
    """
    Given a pipeline that was listed without its template,
    when the template is there again,
    then the pipeline loads.
    """
    (project / "prompts" / "say.j2").unlink()
    before = told(client)

    write(project, "prompts/say.j2", "{{ word }}!")
    after = told(client)

    assert (before["loads"], after["loads"]) == (False, True)


def test_a_file_that_was_just_saved_is_not_trusted(project: Path, client: TestClient, app: FastAPI) -> None:
    """
    Given a pipeline that was saved so lately that its time is not past,
    when it is listed,
    then it is not remembered, for it may change again and look the same.
    """
    fresh = project / "pipelines" / "fresh.yaml"
    fresh.write_text(ECHO)
    ahead = fresh.stat().st_mtime + HOUR
    os.utime(fresh, (ahead, ahead))

    told(client)

    assert app.state.opened.pipelines.get("pipelines/fresh.yaml") is None
