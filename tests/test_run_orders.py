"""Orders of runs that come from where they must not, or say not what they are."""

import pytest
from starlette.testclient import TestClient

ORDER = b'{"pipeline": "green"}'
EVIL = "https://evil.example"


def refused(client: TestClient, **headers: str) -> tuple[int, int]:
    """Send an order with these headers; give its status, and how many runs there are then."""
    sent = {
        "Content-Type": "application/json",
        **{name.replace("_", "-"): said for name, said in headers.items()},
    }
    answer = client.post("/api/runs", content=ORDER, headers=sent)
    return answer.status_code, len(client.get("/api/runs").json()["runs"])


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "null"}, {"Origin": EVIL}, {"Origin": ""}, {"Sec_Fetch_Site": "cross-site"}],
    ids=str,
)
def test_a_run_that_another_page_orders_is_not_begun(client: TestClient, headers: dict[str, str]) -> None:
    """
    h005
    Given a page of another site, or in a sandbox, that knows the token even,
    when it orders a run,
    then it is refused, and there is no run.
    """
    assert refused(client, **headers) == (403, 0)


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/plain; application/json", "application/x-www-form-urlencoded", ""]
)
def test_a_run_that_is_ordered_as_a_form_could_is_not_begun(client: TestClient, kind: str) -> None:
    """
    h006
    Given an order of a run as JSON that is called something else, which needs no preflight,
    when it is sent,
    then it is refused as a type that is not taken, and there is no run.
    """
    assert refused(client, Content_Type=kind) == (415, 0)
