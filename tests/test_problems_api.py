"""What is wrong in a project, and what a run would do, as programs ask it over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from tests.cli_kit import ASK, ECHO, Cli
from tests.test_pipelines_api import BROKEN, told

PLANS = [
    ("where=word+==+'other'", ("--where", "word == 'other'")),
    ("repeat=3&limit=1", ("--repeat", "3", "--limit", "1")),
    ("model=openai/gpt-4o&max_cost=0.5", ("--model", "openai/gpt-4o", "--max-cost", "0.5")),
    (
        "set=params.max_tokens=7&set=steps.say.model=openai/gpt-4.1",
        ("--set", "params.max_tokens=7", "--set", "steps.say.model=openai/gpt-4.1"),
    ),
    ("fresh=true&no_python=true", ("--fresh", "--no-python")),
]


@pytest.fixture
def project(app: FastAPI, tmp_path: Path) -> Path:
    """The project of `app`, with a pipeline of a model that costs."""
    del app  # which wrote the project
    (tmp_path / "pipelines" / "ask.yaml").write_text(ASK)
    return tmp_path


def test_all_problems_are_those_of_the_command(cli: Cli, client: TestClient, project: Path) -> None:
    """
    Given a project with a broken pipeline,
    when all its problems are asked for over HTTP and of the command,
    then both say the same, and every file is told of.
    """
    (project / "pipelines" / "zzz.yaml").write_text(BROKEN)

    found = told(client, "problems")
    said = cli("--project", str(project), "validate", "--format", "json")

    names = {*found["problems"][0]} - {"snippet"}
    assert [{name: one[name] for name in names} for one in found["problems"]] == [
        {name: one[name] for name in names} for one in said.json["problems"]
    ]
    assert [(one["file"], one["problems"]) for one in found["files"]] == [
        ("pipelines/ask.yaml", 0),
        ("pipelines/echo.yaml", 0),
        ("pipelines/green.yaml", 0),
        ("pipelines/zzz.yaml", 1),
    ]


def test_one_file_is_checked(client: TestClient, project: Path) -> None:
    """
    Given a data file in which a row differs, which no pipeline uses, and a pipeline that is sound,
    when each is checked,
    then each is told of alone.
    """
    (project / "data").mkdir()
    (project / "data" / "rows.jsonl").write_text('{"word": "a"}\n{"word": null}\n')

    data = told(client, "problems?file=data/rows.jsonl")
    sound = told(client, "problems?file=pipelines/echo.yaml")

    assert [(one["file"], one["line"]) for one in data["problems"]] == [("data/rows.jsonl", 2)]
    assert (sound["problems"], sound["files"][0]["about"]) == ([], "2 rows")


def test_broken_settings_are_told(client: TestClient, project: Path) -> None:
    """
    Given settings with a slip,
    when the problems are asked for,
    then it is told, with its place.
    """
    (project / "promptlab.yaml").write_text("version: 1\nmodle: echo/echo\n")

    found = told(client, "problems")

    (problem,) = found["problems"]
    assert (problem["file"], problem["line"], found["files"][0]["about"]) == ("promptlab.yaml", 2, "settings")
    assert told(client, "problems?file=promptlab.yaml") == found


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", ".env", "tools/x.py", "pipelines/nope.yaml"])
def test_a_file_that_is_none_of_the_project_is_not_read(client: TestClient, project: Path, path: str) -> None:
    """
    Given paths that lead elsewhere, or to nothing that is checked,
    when they are asked for,
    then there is no such file.
    """
    (project / ".env").write_text("KEY=x\n")

    problem = told(client, f"problems?file={path}", expected=404)

    assert "there is no file" in problem["detail"]


@pytest.mark.parametrize(("query", "flags"), PLANS, ids=[query for query, _ in PLANS])
def test_options_of_plans_are_those_of_the_command(
    cli: Cli, client: TestClient, project: Path, query: str, flags: tuple[str, ...]
) -> None:
    """
    Given a pipeline of a model that costs,
    when it is planned with options over HTTP, and by the command,
    then both say the same.
    """
    planned = told(client, f"pipelines/ask/plan?{query}")
    said = cli("plan", str(project / "pipelines" / "ask.yaml"), *flags, "--json")

    (own,) = said.json["pipelines"]
    own["steps"] = [{"judges": False, **step} for step in own["steps"]]
    assert planned == own


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("where=wrod == 'x'", 422),
        ("where=('a' * 10 ** 9) ~ 1", 422),
        ("model=nope/x", 422),
        ("model=http://evil.example/v1", 422),
        ("set=steps.say.messages=[]", 422),
        ("set=providers.x.base_url=http://evil.example", 422),
        ("set=params.extra", 422),
        ("max_cost=0", 422),
        ("max_cost=nan", 422),
        ("failed=01nope", 404),
        ("since=--all", 422),
        ("python=x", 422),
    ],
)
@pytest.mark.usefixtures("project")
def test_options_that_cannot_be_meant_are_problems(client: TestClient, query: str, status: int) -> None:
    """
    Given a pipeline,
    when it is planned with options that name nothing, or more than how a model is asked,
    then the answer is a problem.
    """
    name, _, value = query.partition("=")

    answer = client.get("/api/pipelines/ask/plan", params={name: value})

    problem: Any = answer.json()
    assert (answer.status_code, bool(problem["detail"])) == (status, True)


def test_a_run_is_not_begun_where_python_is_refused(client: TestClient, project: Path) -> None:
    """
    Given a pipeline with a python step,
    when a run of it is ordered with `no_python`,
    then it is refused.
    """
    (project / "tools").mkdir()
    (project / "tools" / "act.py").write_text("def act(word: str) -> str:\n    return word\n")
    step = "  - {id: act, python: 'tools/act.py:act', with: {word: '{{ word }}'}}\n"
    (project / "pipelines" / "acting.yaml").write_text(ECHO + step)

    answer = client.post("/api/runs", json={"pipeline": "acting", "no_python": True})

    assert (answer.status_code, "python" in answer.json()["detail"]) == (422, True)
