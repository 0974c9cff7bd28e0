"""Recordings as programs read them over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from promptlab.live.recordings import Written
from promptlab.loader.recordings import recording_path
from promptlab.schemas.api.recordings import (
    CHECKED,
    WHOLE,
    RecordingPage,
    RecordingsCheck,
    WholeRecording,
)
from tests.cli_kit import Cli
from tests.run_log_kit import ANSWER, asking
from tests.test_pipelines_api import told

EXTRA = asking("who needs this?").fingerprint


@pytest.fixture
def recorded(app: FastAPI, tmp_path: Path, cli: Cli) -> Path:
    """The project of `app`, with the recordings that its pipeline `echo` needs."""
    del app  # which wrote the project
    said = cli("--project", str(tmp_path), "run", "echo", "--mode", "record")
    assert said.code == 1, said.err
    return tmp_path


def write_extra(root: Path) -> None:
    """Write a recording that nothing needs."""
    Written(root, "echo").write(asking("who needs this?"), ANSWER)


def names(root: Path) -> list[str]:
    return sorted(path.stem for path in root.glob("recordings/echo/*/*.json"))


def test_recordings_are_counted_and_listed(client: TestClient, recorded: Path) -> None:
    """
    Given three recordings,
    when they are counted, and listed in pages of two,
    then all are there, each with what answered.
    """
    write_extra(recorded)

    (counted,) = told(client, "recordings")["pipelines"]
    first = told(client, "recordings/echo?limit=2")
    second = told(client, f"recordings/echo?limit=2&cursor={first['next']}")

    listed = [*first["recordings"], *second["recordings"]]
    assert (counted["pipeline"], counted["recordings"]) == ("echo", 3)
    assert counted["bytes"] == sum(one["bytes"] for one in listed)
    assert [one["fingerprint"] for one in listed] == names(recorded)
    assert {(one["kind"], one["endpoint"]) for one in listed} == {("model", "openai"), ("model", "echo")}
    assert second["next"] is None


def test_a_recording_is_read(client: TestClient, recorded: Path) -> None:
    """
    Given a recording,
    when it is read, and again by who has it,
    then it tells what was asked and what came, once.
    """
    write_extra(recorded)
    address = f"/api/recordings/echo/{EXTRA}"

    read = client.get(address)
    again = client.get(address, headers={"If-None-Match": read.headers["etag"]})

    whole = read.json()
    assert whole["request"]["messages"] == [{"role": "user", "content": "who needs this?"}]
    assert (whole["text"], whole["cost_usd"], whole["answered_by"]) == (
        "billing",
        0.5,
        "gpt-4o-mini-2024",
    )
    assert (again.status_code, again.content) == (304, b"")


def test_a_file_that_is_no_recording_says_why(client: TestClient, recorded: Path) -> None:
    """
    Given a recording that was broken by hand,
    when recordings are listed, it is read, and they are checked,
    then the problem is told, and the rest is.
    """
    broken = names(recorded)[0]
    (recorded / recording_path("echo", broken)).write_text("{}")

    listed = told(client, "recordings/echo")["recordings"]
    read: Any = told(client, f"recordings/echo/{broken}")
    checked = told(client, "recordings/echo/check", expected=422)

    assert [one["problem"] is None for one in listed] == [False, True]
    assert (read["text"], read["request"], read["model"]) == (None, None, None)
    assert "this is no recording" in read["problem"]
    assert checked["errors"][0]["where"].startswith(f"recordings/echo/{broken[:2]}/{broken}.json:1")


def test_a_check_tells_what_the_command_does(
    client: TestClient, cli: Cli, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Given recordings of which one is not needed,
    when they are checked, and again without one that is,
    then it is told what is stale, and then what is missing, as by the command.
    """
    write_extra(recorded)
    stale = told(client, "recordings/echo/check")
    needed = next(name for name in names(recorded) if name != EXTRA)
    (recorded / recording_path("echo", needed)).unlink()
    missing = told(client, "recordings/echo/check")
    monkeypatch.chdir(recorded)
    said = cli("recordings", "check", "echo", "--json")

    assert said.out, said.err
    (own,) = said.json["pipelines"]
    assert (stale["recorded"], stale["missing"], stale["stale"]) == (2, [], [EXTRA])
    assert {name: missing[name] for name in own} == own
    assert (len(missing["missing"]), missing["stale"]) == (1, None)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("nope", 404),
        ("%2e%2e", 404),
        ("..%5c", 404),
        ("nope/check", 404),
        (f"nope/{EXTRA}", 404),
        (f"echo/{EXTRA}", 404),
        ("echo/x", 422),
        ("echo/%2e%2e%2fx", 404),
        ("echo?cursor=x", 422),
        ("echo?limit=0", 422),
    ],
)
@pytest.mark.usefixtures("recorded")
def test_what_is_not_recorded_is_a_problem(client: TestClient, address: str, status: int) -> None:
    """
    Given recordings of one pipeline,
    when others, or what is none, are asked for,
    then the answer is a problem.
    """
    answer = client.get(f"/api/recordings/{address}")

    told_as = answer.headers["content-type"]
    assert (answer.status_code, told_as) == (status, "application/problem+json")


def test_answers_are_as_described(client: TestClient, recorded: Path) -> None:
    """
    Given the bodies that the API describes,
    when recordings are asked for,
    then each answer is one of them, and so is each example.
    """
    pages = {
        "echo": RecordingPage,
        "echo/check": RecordingsCheck,
        f"echo/{names(recorded)[0]}": WholeRecording,
    }

    answers = {address: client.get(f"/api/recordings/{address}").text for address in pages}

    for address, body in pages.items():
        assert body.model_validate_json(answers[address])
    assert WholeRecording.model_validate(WHOLE).kind == "model"
    assert RecordingsCheck.model_validate(CHECKED).missing
