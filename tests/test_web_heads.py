"""HEAD, on every route that answers GET."""

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

GONE = {"run": "last", "name": "echo", "trial": "0-0-0", "fingerprint": "0" * 64}


def routes(app: FastAPI) -> list[str]:
    """Give the addresses of the routes that answer GET and end, with names in place of parameters."""
    paths = app.openapi()["paths"]
    found = [path for path, operations in paths.items() if "get" in operations]
    return [path.format_map(Named(GONE)) for path in found if not path.endswith("/events")]


class Named(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "1"


def test_every_route_answers_head_as_get_without_a_body(app: FastAPI, client: TestClient) -> None:
    """
    Given all routes that answer GET, and pages and files,
    when each is asked by GET and by HEAD,
    then both say the same, but the second has no body.
    """
    addresses = [*routes(app), "/", "/runs", "/static/manifest.json", "/api/health", "/nope"]

    answers = [(client.get(address), client.head(address)) for address in addresses]

    assert [one.status_code for one, _ in answers] == [other.status_code for _, other in answers]
    assert [one.headers["content-type"] for one, _ in answers] == [
        other.headers["content-type"] for _, other in answers
    ]
    assert {other.content for _, other in answers} == {b""}


@pytest.mark.parametrize("address", ["/api/events", "/api/runs/last/events", "/api/session"])
def test_what_does_not_answer_get_and_end_refuses_head(client: TestClient, address: str) -> None:
    """
    Given streams of events, and a route that takes POST alone,
    when they are asked by HEAD,
    then they refuse.
    """
    assert client.head(address).status_code == 405
