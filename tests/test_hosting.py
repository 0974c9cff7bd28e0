"""Runs that live in the server: started, followed, cancelled, resumed, deleted, and limited."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from httpx2 import ASGITransport, AsyncClient

from promptlab.main import create_app
from tests.fakes import FakeProvider, fake_provider_process
from tests.hosting_kit import Server, lab_of, serving
from tests.lab import KEY, asked_for
from tests.serving_kit import ADDRESS, BEARER, server_settings

FIRST_KEY = {"Idempotency-Key": "first"}
SLOWLY = {"max_concurrency": 1}
WAIT = {"status": 429, "retry_after": 50}  # seconds, in which a test does what it does


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, FakeProvider, str]]:
    """A server in which one run has ended that was asked for three times at once, under one key."""
    with fake_provider_process(tmp_path_factory.mktemp("provider")) as provider:
        lab = lab_of(tmp_path_factory.mktemp("served"), provider)
        lab.write("pipelines/broken.yaml", "version: 1\nsteps: []\n")
        with serving(lab) as server:
            order = {"pipeline": "words", "limit": 3, "note": "a first one"}
            with ThreadPoolExecutor(3) as pool:
                asked = pool.map(lambda key: server.post("runs", order, **key), [FIRST_KEY] * 3)
            [run_id] = {response.json()["run"] for response in asked}
            server.ended(run_id)
            yield server, provider, run_id


def test_a_run_of_the_server_is_in_the_log_as_any_other(done: tuple[Server, FakeProvider, str]) -> None:
    """
    Given a run that was started over HTTP with options,
    when it has ended,
    then the log has it with those options, under the id that was answered, and each row was asked once.
    """
    server, provider, run_id = done

    [(status, passed, note, options)] = server.lab.query(
        "select status, passed, note, options from runs where id = ?", run_id
    )

    assert (status, passed, note) == ("passed", 3, "a first one")
    assert options == '{"limit":3,"note":"a first one"}'
    assert sorted(asked_for(provider.requests())) == [f"Say word-000{row}." for row in range(3)]


def test_the_same_order_under_a_key_starts_nothing_twice(done: tuple[Server, FakeProvider, str]) -> None:
    """
    Given a run that was asked for under a key,
    when the same is asked for once more under it,
    then it is that run.
    """
    server, _, run_id = done

    again = server.post("runs", {"pipeline": "words", "limit": 3, "note": "a first one"}, **FIRST_KEY)

    assert (again.status_code, again.json()["run"]) == (202, run_id)
    assert again.headers["Location"] == f"/api/runs/{run_id}"
    assert server.lab.query("select count(*) from runs where id >= ?", run_id) == [(1,)]


def test_a_key_stands_for_one_order(done: tuple[Server, FakeProvider, str]) -> None:
    """
    Given a run that was asked for under a key,
    when another is asked for under it,
    then that is refused.
    """
    server, _, run_id = done

    refused = server.post("runs", {"pipeline": "words"}, **FIRST_KEY)

    assert refused.status_code == 422
    assert f"was used for run {run_id}" in refused.json()["detail"]


def test_of_a_run_that_has_ended_its_end_is_told(done: tuple[Server, FakeProvider, str]) -> None:
    """
    Given a run that has ended,
    when somebody follows it,
    then they hear that, with its figures, and the stream ends.
    """
    server, _, run_id = done

    [event] = server.events(run_id)

    assert event["event"] == "ended"
    assert {name: event["data"][name] for name in ("run", "status", "planned", "passed", "sent")} == {
        "run": run_id,
        "status": "passed",
        "planned": 3,
        "passed": 3,
        "sent": 3,
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "runs/{run}/cancel", 409),
        ("POST", "runs/{other}/cancel", 404),
        ("POST", "runs/{other}/resume", 404),
        ("GET", "runs/{other}/events", 404),
        ("GET", "runs/{other}/removal", 404),
        ("DELETE", "runs/{other}", 404),
        ("POST", "runs/{start}/cancel", 422),
        ("GET", "runs/last/events", 422),
        ("DELETE", "runs/last", 422),
        ("DELETE", "runs/{upper}", 422),
    ],
)
def test_a_run_is_named_by_its_whole_id(
    done: tuple[Server, FakeProvider, str], method: str, path: str, status: int
) -> None:
    """
    Given a run that has ended,
    when something is wanted of it that cannot be, or of one that is not named by a whole id of a run,
    then that is said, and nothing happens.
    """
    server, _, run_id = done
    named = {"run": run_id, "other": "0" * 26, "start": run_id[:10], "upper": run_id.upper()}

    response = server.client.request(
        method, f"/api/{path.format(**named)}", json=None if method == "GET" else {}
    )

    assert response.status_code == status
    assert server.lab.query("select count(*) from runs where id = ?", run_id) == [(1,)]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"pipeline": ""},
        {"pipeline": {"version": 1, "steps": [{"id": "a", "python": "os:system"}]}},
        {"pipeline": "version: 1\nsteps: []"},
        {"pipeline": "../outside.yaml"},
        {"pipeline": "/etc/passwd"},
        {"pipeline": "pipelines\\..\\x.yaml"},
        {"pipeline": "words", "steps": []},
        {"pipeline": "words", "checks": [{"python": "print(1)"}]},
        {"pipeline": "words", "python": "tools/notes.py:note"},
        {"pipeline": "words", "base_url": "http://evil.example/v1"},
        {"pipeline": "words", "providers": {"fake": {"base_url": "http://evil.example/v1"}}},
        {"pipeline": "words", "provider": "openai"},
        {"pipeline": "words", "model": "openai/gpt-4o"},
        {"pipeline": "words", "env": {"OPENAI_BASE_URL": "http://evil.example"}},
        {"pipeline": "words", "sets": [["model", "openai/gpt-4o"]]},
        {"pipeline": "words", "set": {"providers.fake.base_url": "http://evil.example"}},
        {"pipeline": "words", "limit": "3"},
        {"pipeline": "words", "limit": 2**63},
        {"pipeline": "words", "limit": True},
        {"pipeline": "words", "max_cost": -1},
        {"pipeline": "words", "fresh": 1},
        {"pipeline": "words", "mode": "record"},
        {"pipeline": "words", "tags": "quick"},
        ["words"],
    ],
)
def test_a_body_names_a_pipeline_on_disk_and_nothing_that_it_is_made_of(
    done: tuple[Server, FakeProvider, str], order: object
) -> None:
    """
    h032, h033
    Given a body with a pipeline in it, with project code, or with another address for the key,
    when a run is asked for with it,
    then it is refused before any process is started.
    """
    server, provider, run_id = done
    sent = provider.sent_count

    response = server.post("runs", order)

    assert response.status_code == 422
    assert provider.sent_count == sent
    assert server.lab.query("select count(*) from runs where id >= ?", run_id) == [(1,)]


def test_a_pipeline_that_is_not_there_is_not_looked_for_by_a_process(
    done: tuple[Server, FakeProvider, str],
) -> None:
    """
    Given a name and a path of no pipeline,
    when runs of them are asked for,
    then they are not found, and the nearest name is told.
    """
    server, _, _ = done

    named, placed = (server.post("runs", {"pipeline": name}) for name in ("word", "pipelines/word.yaml"))

    assert (named.status_code, placed.status_code) == (404, 404)
    assert "words" in named.json()["hint"]


def test_the_problems_of_a_pipeline_are_told(done: tuple[Server, FakeProvider, str]) -> None:
    """
    Given a pipeline with a problem,
    when a run of it is asked for,
    then it is refused with where and what.
    """
    server, _, _ = done

    response = server.post("runs", {"pipeline": "broken"})

    assert response.status_code == 422
    assert [(fault["where"], fault["message"]) for fault in response.json()["errors"]] == [
        ("pipelines/broken.yaml:2:8", "steps: needs at least one item")
    ]


@pytest.mark.slow
def test_a_cancelled_run_is_interrupted_and_can_be_resumed(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given a run over HTTP whose provider asks to wait after three answers,
    when it is cancelled, and resumed once it has ended,
    then it sent nothing after that, and of what was answered nothing was asked again.
    """
    fake_provider.script({**WAIT, "nth": 4})
    lab = lab_of(tmp_path, fake_provider)
    with serving(lab) as server:
        run_id = server.begin(**SLOWLY)
        fake_provider.wait_for_requests(4)
        cancelled = server.post(f"runs/{run_id}/cancel")
        first = server.ended(run_id)
        sent = fake_provider.sent_count
        fake_provider.script()
        resumed = server.post(f"runs/{run_id}/resume")
        second = server.ended(run_id)

    assert (cancelled.status_code, resumed.status_code) == (202, 202)
    assert (first["status"], first["reason"], first["done"], sent) == ("interrupted", "cancelled", 3, 4)
    assert (second["status"], second["passed"]) == ("passed", 10)
    asked = Counter(asked_for(fake_provider.requests()))
    assert asked == {f"Say word-{row:04}.": 2 if row == 3 else 1 for row in range(10)}


def test_a_deleted_run_is_gone_after_it_was_said_what_goes(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given a run in the log,
    when it is asked what deleting it takes away, and then it is deleted,
    then that is what went, and its answers stay for recall.
    """
    lab = lab_of(tmp_path, fake_provider)
    lab.run(limit=4)
    [(run_id,)] = lab.query("select id from runs")
    with serving(lab) as server:
        preview = server.client.get(f"/api/runs/{run_id}/removal").json()
        deleted = server.client.delete(f"/api/runs/{run_id}")

    assert (deleted.status_code, deleted.json()) == (200, preview)
    assert (preview["trials"], preview["answers"]) == (4, 0)
    assert lab.query("select count(*) from runs") == [(0,)]
    assert len(lab.bought()) == 4


@pytest.mark.slow
async def test_of_fifty_runs_at_once_so_many_begin_as_may(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    h035
    Given a server in which two runs may go on at once,
    when fifty are asked for at the same time, and those that go on are to be resumed or deleted,
    then two begin and the others are refused for now, these two stay, and end with the server in good order.
    """
    fake_provider.script(WAIT)
    lab = lab_of(tmp_path, fake_provider)
    lab.write(".env", f"FAKE_KEY={KEY}\n")
    app = create_app(server_settings(lab.root, max_runs=2))
    transport = ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        AsyncClient(transport=transport, base_url=ADDRESS, headers=BEARER) as client,
    ):
        asked = [client.post("/api/runs", json={"pipeline": "words", **SLOWLY}) for _ in range(50)]
        responses = await asyncio.gather(*asked)
        begun = [response.headers["Location"] for response in responses if response.status_code == 202]
        refused = [await client.post(f"{place}/resume", json={}) for place in begun]
        refused += [await client.delete(place) for place in begun]

    assert Counter(response.status_code for response in responses) == {202: 2, 429: 48}
    assert [response.status_code for response in refused] == [409] * 4
    assert lab.query("select status, reason from runs") == [("interrupted", "the server ended")] * 2


@pytest.mark.slow
def test_the_ceiling_of_the_server_holds_for_all_its_runs(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    h036
    Given a server that may spend what a few calls cost,
    when a run meets the ceiling, and another is asked for,
    then the first stopped with the reason, the second is refused with it, and what was spent is below it.
    """
    ceiling = 0.0003
    lab = lab_of(tmp_path, fake_provider)
    with serving(lab, max_cost=ceiling) as server:
        first = server.ended(server.begin(**SLOWLY))
        sent = fake_provider.sent_count
        refused = server.post("runs", {"pipeline": "words"})

    assert first["status"] == "limited"
    assert "--max-cost of promptlab serve" in first["reason"]
    assert refused.status_code == 402
    assert "what is left is not enough for a call" in refused.json()["detail"]
    assert fake_provider.sent_count == sent > 0
    assert lab.query("select sum(spent_usd) <= ? from runs", ceiling) == [(1,)]
