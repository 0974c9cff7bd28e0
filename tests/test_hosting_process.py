"""Runs of a server that is a process: killed, ended by a signal, and followed over the wire."""

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeProvider
from tests.hosting_kit import lab_of
from tests.lab import Lab, asked_for, ended, interrupt
from tests.serving_kit import BEARER, TOKEN
from tests.warm_kit import Forked

SLOWLY = {"max_concurrency": 1}
WAIT = {"status": 429, "retry_after": 50}  # seconds, in which a test does what it does


@dataclass(frozen=True, slots=True)
class Serving:
    """`promptlab serve` in a process of its own."""

    process: Forked
    port: int

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        own = {**BEARER, "Content-Type": "application/json", "Connection": "close", **headers}
        connection.request(method, f"/api/{path}", json.dumps(body) if body is not None else None, own)
        return connection.getresponse()

    def post(self, path: str, body: object) -> dict[str, Any]:
        response = self.ask("POST", path, body)
        told: dict[str, Any] = json.loads(response.read())
        assert response.status == 202, told
        return told


@contextmanager
def serve(lab: Lab) -> Iterator[Serving]:
    process = lab.start("serve", "--port", "0", "--token", TOKEN, "--json")
    try:
        process.until_said("}\n")
        yield Serving(process, int(json.loads(process.said)["url"].rstrip("/").rpartition(":")[2]))
    finally:
        process.send_signal(signal.SIGTERM)
        ended(process)


def event(stream: HTTPResponse) -> tuple[str, str, dict[str, Any]]:
    """Read the next event of a stream: its kind, id and data."""
    fields: dict[str, str] = {}
    while line := stream.readline().decode().rstrip("\n"):
        name, _, value = line.partition(": ")
        fields[name] = value
    return fields["event"], fields["id"], json.loads(fields["data"])


@pytest.mark.slow
def test_a_run_outlives_no_server_and_is_resumed_by_the_next(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    h042
    Given a run that was started over HTTP and has a call in flight,
    when the server is killed, and another resumes the run,
    then the call was awaited and recorded, the run was interrupted, and no row was asked twice.
    """
    fake_provider.script({"latency_ms": 2_000, "nth": list(range(4, 11))})
    lab = lab_of(tmp_path, fake_provider)
    with serve(lab) as server:
        run_id = server.post("runs", {"pipeline": "words", **SLOWLY})["run"]
        fake_provider.wait_for_requests(4)
        server.process.kill()
        ended(server.process)  # and what it started: both held its stderr
    fake_provider.script()
    after_the_kill = lab.query("select status, reason from runs")
    with serve(lab) as server:
        server.post(f"runs/{run_id}/resume", {})
        told = server.ask("GET", f"runs/{run_id}/events").read().decode()

    assert after_the_kill == [("interrupted", "the server ended")]
    assert '"status":"passed","planned":10,"done":10' in told
    assert sorted(asked_for(fake_provider.requests())) == [f"Say word-{row:04}." for row in range(10)]


@pytest.mark.slow
def test_a_server_that_is_told_to_end_ends_its_runs_and_lets_listeners_go(
    tmp_path: Path, fake_provider: FakeProvider
) -> None:
    """
    Given a run over HTTP that waits, somebody who follows it, and somebody who comes back to that,
    when the server gets SIGTERM,
    then both streams end, the second had heard nothing twice, and the run is interrupted.
    """
    fake_provider.script({**WAIT, "nth": 3})
    lab = lab_of(tmp_path, fake_provider)
    with serve(lab) as server:
        run_id = server.post("runs", {"pipeline": "words", **SLOWLY})["run"]
        stream = server.ask("GET", f"runs/{run_id}/events")
        kind, last, data = event(stream)
        again = server.ask("GET", f"runs/{run_id}/events", **{"Last-Event-ID": last})
        following = server.ask("GET", "events")
        fake_provider.wait_for_requests(3)
        server.process.send_signal(signal.SIGTERM)
        rest = [one.read().decode() for one in (stream, again, following)]
        code = ended(server.process).code

    assert (kind, data) == ("begun", {"run": run_id, "pipeline": "words"})
    assert "event: begun" not in rest[1]
    assert "event: begun" in rest[2]
    assert code == 143
    assert lab.query("select status, reason from runs") == [("interrupted", "the server ended")]


@pytest.mark.slow
def test_runs_of_other_processes_are_followed_too(tmp_path: Path, fake_provider: FakeProvider) -> None:
    """
    Given somebody who follows all runs of a server, and a run of the command line,
    when they follow that too, want to cancel it, and it is interrupted where it runs,
    then they hear of its beginning and its end in both streams, and cannot cancel it from here.
    """
    fake_provider.script({**WAIT, "nth": 3})
    lab = lab_of(tmp_path, fake_provider)
    with serve(lab) as server:
        following = server.ask("GET", "events")
        run = lab.start("run", "words", "--max-concurrency", "1")
        fake_provider.wait_for_requests(3)
        kind, _, begun = event(following)
        run_id = begun["run"]
        stream = server.ask("GET", f"runs/{run_id}/events")
        with server.ask("POST", f"runs/{run_id}/cancel", {}) as refused:
            detail = json.loads(refused.read())["detail"]
        interrupt(run)
        ends = [until_ended(one) for one in (stream, following)]
        ended(run)

    assert (kind, begun["pipeline"]) == ("begun", "words")
    assert (refused.status, detail) == (
        409,
        f"run {run_id} is running in process {run.pid}, not in this server",
    )
    assert [(data["run"], data["status"], data["done"]) for data in ends] == [(run_id, "interrupted", 2)] * 2


def until_ended(stream: HTTPResponse) -> dict[str, Any]:
    """Read a stream until a run has ended; give what is told of that."""
    with stream:
        while (told := event(stream))[0] != "ended":
            pass
    return told[2]
