"""The HTTP application: what it is made of, and how it says what is wrong."""

from pathlib import Path

import pytest
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from promptlab.core.environment import Environment
from promptlab.core.serving import settle_server
from promptlab.live.serving.depends import get_db
from promptlab.live.serving.rates import BURST_SECONDS, RateCheck
from tests.serving_kit import server_settings


def test_health_says_that_the_server_is_there(client: TestClient) -> None:
    """
    Given an application,
    when its health is asked for,
    then it says ok.
    """
    answer = client.get("/api/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_what_is_not_there_is_a_problem_to_programs_and_a_page_to_browsers(client: TestClient) -> None:
    """
    Given an address that names nothing,
    when a program and a browser ask for it,
    then the one gets a problem as RFC 9457 has it, the other a page.
    """
    problem = client.get("/api/nothing")
    page = client.get("/nothing", headers={"Accept": "text/html"})

    assert (problem.status_code, problem.headers["content-type"]) == (404, "application/problem+json")
    assert problem.json() == {"title": "Not Found", "status": 404, "detail": "Not Found"}
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_db_session_takes_the_place_of_the_session_of_routes(client: TestClient, db_session: Session) -> None:
    """
    Given the fixture of a session,
    when a route asks for one,
    then it gets this.
    """
    overrides = client.app.dependency_overrides  # type: ignore[attr-defined]

    assert overrides[get_db]() is db_session


@pytest.mark.parametrize(
    ("settings", "names", "others"),
    [
        ({"port": 80}, {"localhost", "127.0.0.1:80"}, {"localhost:8321"}),
        ({"host": "0.0.0.0", "port": 1}, {"127.0.0.1:1"}, {"0.0.0.0:1"}),
        ({"host": "10.0.0.7", "port": 1}, {"10.0.0.7:1", "localhost:1"}, {"10.0.0.7"}),
        ({"host": "fd00::7", "port": 1}, {"[fd00::7]:1"}, {"fd00::7:1"}),
        ({"hosts": "Lab.example.com, lab:8080"}, {"lab.example.com", "lab:8080"}, {"lab", "example.com"}),
    ],
    ids=str,
)
def test_a_server_knows_its_names(
    tmp_path: Path, settings: dict[str, object], names: set[str], others: set[str]
) -> None:
    """
    Given where a server listens, and what a proxy calls it,
    when its names are asked for,
    then they are these exactly, with the port where browsers say it.
    """
    allowed = server_settings(tmp_path, **settings).allowed_hosts

    assert names <= allowed
    assert not others & allowed


def test_flags_come_before_variables_and_these_before_the_dotenv(tmp_path: Path) -> None:
    """
    Given a server that is told things by options, variables and the project's `.env`,
    when its settings are settled,
    then the first of these counts that says something.
    """
    process = {"PROMPTLAB_TOKEN": "of-the-process", "PROMPTLAB_PORT": "1", "PROMPTLAB_HOST": ""}
    dotenv = {
        "PROMPTLAB_TOKEN": "of-the-dotenv",
        "PROMPTLAB_RATE": "7",
        "PROMPTLAB_ORIGINS": "https://a,https://b",
    }

    settled = settle_server(Environment(process, dotenv), root=tmp_path, flags={"port": 0})

    assert settled.token.get_secret_value() == "of-the-process"
    assert (settled.port, settled.rate, settled.host) == (0, 7, "127.0.0.1")
    assert settled.origins == ("https://a", "https://b")
    assert "of-the-process" not in repr(settled)


def test_a_bucket_of_requests_fills_again() -> None:
    """
    Given an address that used up its burst,
    when time goes by,
    then it may ask as often as the rate says, and never more than a burst at once; others are not held back.
    """
    now = 0.0
    check = RateCheck(2, clock=lambda: now)

    def passed(asked: int, address: str) -> int:
        scope = {"path": "/runs", "client": (address, 1)}
        return sum(check(scope) is None for _ in range(asked))

    burst = passed(100, "one")
    now = 1.5
    after = passed(100, "one")
    now = 1e6
    much_later = passed(100, "one")

    assert [burst, after, much_later] == [2 * BURST_SECONDS, 3, 2 * BURST_SECONDS]
    assert passed(1, "other") == 1
