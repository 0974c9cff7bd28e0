"""Pipelines and models as programs read them over HTTP."""

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from promptlab.core.database import default_path
from tests.cli_kit import ASK, ECHO, Cli

BROKEN = ECHO.replace("word }}", "wrod }}")
KEY = "sk-live-0123456789abcdef"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Write another pipeline into the project of `client`."""

    def written(name: str, text: str) -> None:
        (tmp_path / "pipelines" / f"{name}.yaml").write_text(text)

    return written


def told(client: TestClient, path: str, expected: int = 200) -> Any:
    answer = client.get(f"/api/{path}")
    assert (answer.status_code, answer.text[:500]) == (expected, answer.text[:500])
    return answer.json()


def test_pipelines_are_listed(client: TestClient, write: Any) -> None:
    """
    Given pipelines, one of them with a name of its own and one that is broken,
    when they are listed,
    then each is there, with whether it loads.
    """
    write("aaa", f"name: triage\ndescription: Sort.\ntags: [support]\n{ECHO}")
    write("zzz", BROKEN)

    first, *others = told(client, "pipelines")["pipelines"]

    assert first == {
        "name": "triage",
        "path": "pipelines/aaa.yaml",
        "description": "Sort.",
        "tags": ["support"],
        "loads": True,
        "cells": ["base"],
        "rows": 2,
        "called_by": [],
        "problems": 0,
    }
    assert [(one["name"], one["loads"]) for one in others] == [
        ("echo", True),
        ("green", True),
        ("zzz", False),
    ]


def test_a_broken_pipeline_is_read_with_its_problems(client: TestClient, write: Any) -> None:
    """
    Given a pipeline whose template has a slip,
    when it is read,
    then its text comes, and where it slips, with what was meant.
    """
    write("zzz", BROKEN)

    read = told(client, "pipelines/zzz")

    (problem,) = read["problems"]
    place = problem["file"], problem["line"], problem["severity"], problem["hint"]
    assert (read["source"], read["loads"]) == (BROKEN, False)
    assert place == ("pipelines/zzz.yaml", 9, "error", "did you mean 'word'?")
    assert BROKEN.split("\n")[8][problem["column"] - 1 :].startswith("wrod")


def test_a_pipeline_that_is_known_is_not_sent_again(client: TestClient, write: Any) -> None:
    """
    Given a client that has a pipeline,
    when it asks again, before and after an edit,
    then it is told that nothing changed, and then of the edit.
    """
    known = {"If-None-Match": client.get("/api/pipelines/echo").headers["etag"]}

    same = client.get("/api/pipelines/echo", headers=known)
    write("echo", f"description: New.\n{ECHO}")
    edited = client.get("/api/pipelines/echo", headers=known)

    assert (same.status_code, same.content) == (304, b"")
    assert (edited.status_code, edited.json()["description"]) == (200, "New.")


def test_no_secret_is_told(client: TestClient, write: Any) -> None:
    """
    Given a pipeline into which someone wrote keys,
    when it is read,
    then none of them is in the answer, but the rest is.
    """
    write("echo", f"{ECHO}# {KEY}\nparams:\n  api_key:\n    hunter2\n")

    read = client.get("/api/pipelines/echo").text

    assert KEY not in read
    assert "hunter2" not in read
    assert "contains: hello" in read


def test_what_is_not_there_is_a_404(client: TestClient) -> None:
    """
    Given names and paths that no pipeline goes by,
    when they are asked for,
    then there is none, wherever a path would lead.
    """
    names = ("nope", "ecko", "%2e%2e", "echo.yaml", "%2e%2e%2fx", "%2e%2e%5cx", "a%00b", "~root", "C:echo")
    routes = [f"{name}{route}" for name in names for route in ("", "/plan", "/render")]

    answers = [client.get(f"/api/pipelines/{route}") for route in routes]

    assert {answer.status_code for answer in answers} == {404}


def test_a_link_out_of_the_project_is_not_followed(client: TestClient, tmp_path: Path) -> None:
    """
    Given a pipeline that is a link to a file elsewhere,
    when it is read,
    then nothing of that file is told.
    """
    outside = tmp_path.parent / f"{tmp_path.name}-elsewhere.yaml"
    outside.write_text("hidden: text")
    (tmp_path / "pipelines" / "link.yaml").symlink_to(outside)

    read = told(client, "pipelines/link")

    assert (read["source"], read["loads"], len(read["problems"])) == (None, False, 1)
    assert "hidden" not in str(read)


def test_a_plan_is_what_the_command_tells(cli: Cli, client: TestClient, write: Any) -> None:
    """
    Given a pipeline of a model that costs,
    when it is planned for one row over HTTP and by the command,
    then both say the same.
    """
    write("ask", ASK)

    planned = told(client, "pipelines/ask/plan?limit=1")
    said = cli("plan", str(cli.folder.parent / "pipelines" / "ask.yaml"), "--limit", "1", "--json")

    (own,) = said.json["pipelines"]
    own["steps"] = [{"judges": False, **step} for step in own["steps"]]
    assert planned == own
    assert (planned["trials"], planned["total"]["call"]) == (1, 1)


def test_a_row_is_rendered_as_the_command_does(cli: Cli, client: TestClient, write: Any) -> None:
    """
    Given a pipeline with variants,
    when a row of one is rendered over HTTP and by the command,
    then both say the same.
    """
    write("echo", ECHO + "variants: {base: {}, hot: {params: {temperature: 1}}}\n")

    rendered = told(client, "pipelines/echo/render?row=1&variant=hot&step=say")
    path = str(cli.folder.parent / "pipelines" / "echo.yaml")
    said = cli("render", path, "--row", "1", "--variant", "hot", "--json")

    assert rendered == said.json
    assert rendered["steps"][0]["messages"] == [{"role": "user", "content": "other!"}]


def test_a_template_that_computes_is_rendered_in_its_process(client: TestClient, write: Any) -> None:
    """
    Given a template with a loop, which the template process alone can render,
    when a row is rendered,
    then it is, from a thread of the server too.
    """
    write("loop", ECHO.replace("{{ word }}", "{% for _ in range(2) %}{{ word | upper }}{% endfor %}"))

    (step,) = told(client, "pipelines/loop/render")["steps"]

    assert step["messages"] == [{"role": "user", "content": "HELLOHELLO!"}]


@pytest.mark.parametrize(
    ("asked", "about"),
    [
        ("render?row=7", "there is no row 7"),
        ("render?row=-1", "the request"),
        ("render?step=sya", "there is no step 'sya'"),
        ("render?variant=hot", "there is no variant 'hot'"),
        ("render?model=openai/gpt-4o", "the request"),
        ("plan?variant=hot", "there is no variant 'hot'"),
        ("plan?limit=0", "the request"),
        ("plan?tag=none", "no row is left to run"),
    ],
)
def test_what_cannot_be_meant_is_a_422(client: TestClient, asked: str, about: str) -> None:
    """
    Given a pipeline,
    when rows, steps or variants are asked for that it has not, or what is not to be asked,
    then the answer is a problem that says so.
    """
    problem = told(client, f"pipelines/echo/{asked}", expected=422)

    assert about in problem["detail"]


@pytest.mark.parametrize("route", ["plan", "render"])
def test_a_broken_pipeline_is_neither_planned_nor_rendered(
    client: TestClient, write: Any, route: str
) -> None:
    """
    Given a broken pipeline,
    when it is planned or rendered,
    then the answer is a problem with the places of what is wrong.
    """
    write("zzz", BROKEN)

    problem = told(client, f"pipelines/zzz/{route}", expected=422)

    (fault,) = problem["errors"]
    assert fault["where"].startswith("pipelines/zzz.yaml:9:")
    assert fault["hint"] == "did you mean 'word'?"


def test_looking_runs_no_code_and_writes_nothing(client: TestClient, tmp_path: Path, write: Any) -> None:
    """
    Given a pipeline with a function that leaves a file behind wherever it is imported,
    when pipelines are listed, read, planned and rendered,
    then there is no such file, and the log and the project are as they were.
    """
    module = f"open({str(tmp_path / 'ran')!r}, 'w')\ndef act(word: str) -> str:\n    return word\n"
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "acting.py").write_text(module)
    write(
        "acting",
        f"{ECHO}  - id: act\n    python: tools/acting.py:act\n    with: {{word: '{{{{ word }}}}'}}\n",
    )
    before = _state(tmp_path)

    for path in ("", "/acting", "/acting/plan", "/acting/render"):
        told(client, f"pipelines{path}")

    assert _state(tmp_path) == before


def _state(root: Path) -> Any:
    files = sorted(path for path in root.rglob("*") if not path.name.startswith("lab.db-"))
    with sqlite3.connect(f"file:{default_path(root)}?mode=ro", uri=True) as log:
        return files, log.execute("SELECT count(*) FROM runs").fetchone()


def test_too_many_at_once_are_told_to_come_back(client: TestClient, app: FastAPI) -> None:
    """
    Given as many requests that load pipelines as may be at once,
    when another one comes, and again when they are done,
    then it is told to come back, and then answered; others are answered all the while.
    """
    room, taken = app.state.opened.loadings, 0
    while room.acquire(blocking=False):
        taken += 1

    refused, other = client.get("/api/pipelines"), client.get("/api/runs")
    room.release(taken)

    assert (refused.status_code, refused.headers["retry-after"], other.status_code) == (429, "5", 200)
    assert client.get("/api/pipelines").status_code == 200


def test_models_are_listed(client: TestClient, tmp_path: Path) -> None:
    """
    Given settings with a provider whose key is in `.env`,
    when models are listed,
    then it is there with its variable, and the key is not.
    """
    mine = "providers: {mine: {base_url: 'https://llm.example.com/v1', api_key: '${MINE_KEY}'}}\n"
    (tmp_path / "promptlab.yaml").write_text(f"version: 1\n{mine}")
    (tmp_path / ".env").write_text(f"MINE_KEY={KEY}\n")

    listed = told(client, "models")

    by_name = {one["name"]: one for one in listed["providers"]}
    mine_told = by_name["mine"]
    assert (mine_told["key_variable"], mine_told["key_is_set"], mine_told["origin"]) == (
        "MINE_KEY",
        True,
        "promptlab.yaml",
    )
    assert by_name["echo"]["prices"] == "free"
    assert KEY not in str(listed)


def test_the_description_has_examples(client: TestClient) -> None:
    """
    Given the API's description,
    when its bodies of pipelines and models are read,
    then each has an example that is whole but for what is null.
    """
    schemas = told(client, "openapi.json")["components"]["schemas"]

    for name in ("ListedPipeline", "PlannedPipeline", "RenderedRow", "ProviderAnswer"):
        (example,) = schemas[name]["examples"]
        assert {*example} == {*schemas[name]["properties"]}
