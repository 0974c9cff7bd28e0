"""The HTTP application: what it is made of, and how it says what is wrong."""

from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from promptlab.live.serving.depends import get_db


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
