"""Runs that live in a server, as tests use them."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from httpx2 import Response
from starlette.testclient import TestClient

from promptlab.main import create_app
from tests.fakes import FakeProvider
from tests.lab import KEY, Lab
from tests.serving_kit import server_settings, signed_in

POLL_SECONDS = 0.01
MOST_SECONDS = 60.0  # that a condition is waited for before a test fails


@dataclass(frozen=True, slots=True)
class Server:
    """The application over a project whose pipeline `words` asks the fake provider."""

    lab: Lab
    client: TestClient

    def post(self, path: str, body: object = None, **headers: str) -> Response:
        return self.client.post(f"/api/{path}", json={} if body is None else body, headers=headers)

    def begin(self, **order: Any) -> str:
        """Start a run of `words`; give its id."""
        response = self.post("runs", {"pipeline": "words", **order})
        assert response.status_code == 202, response.text
        run_id: str = response.json()["run"]
        return run_id

    def events(self, run_id: str, last: str | None = None) -> list[dict[str, Any]]:
        """Follow a run to its end; give what was told."""
        headers = {"Last-Event-ID": last} if last is not None else {}
        return read_events(self.client.get(f"/api/runs/{run_id}/events", headers=headers).text)

    def ended(self, run_id: str) -> dict[str, Any]:
        """Wait for the end of a run; give how it ended."""
        *_, last = self.events(run_id)
        assert last["event"] == "ended"
        data: dict[str, Any] = last["data"]
        return data


@contextmanager
def serving(lab: Lab, **settings: Any) -> Iterator[Server]:
    """Serve a lab's project; runs find the fake provider's key in its .env."""
    lab.write(".env", f"FAKE_KEY={KEY}\n")
    with signed_in(create_app(server_settings(lab.root, **settings))) as client:
        yield Server(lab, client)


def lab_of(folder: Path, provider: FakeProvider, **changes: Any) -> Lab:
    return Lab(folder, provider.base_url, **changes)


def read_events(text: str) -> list[dict[str, Any]]:
    """Give server-sent events as objects, their data read; comments are left out."""
    blocks = (dict(_fields(block)) for block in text.split("\n\n"))
    return [{**block, "data": json.loads(block["data"])} for block in blocks if "data" in block]


def _fields(block: str) -> Iterator[tuple[str, str]]:
    for line in block.split("\n"):
        name, colon, value = line.partition(": ")
        if colon and name:
            yield name, value


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; raises TimeoutError."""
    deadline = time.monotonic() + MOST_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what a test waits for has not come")
        time.sleep(POLL_SECONDS)


async def until_async(condition: Callable[[], bool]) -> None:
    await asyncio.to_thread(until, condition)
