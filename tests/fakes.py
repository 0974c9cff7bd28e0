"""The test's side of the fake provider: a process of its own, scripted and read through this handle."""

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

type Rule = Mapping[str, Any]
type KeyState = Literal["none", "right", "wrong", "unchecked"]

_ROOT = Path(__file__).parents[1]
_POLL_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """A request that reached the provider, as journalled before it was answered.

    `usage` is what the answer costs, in tokens, None where nothing is charged; `in_flight`
    counts this request too; `monotonic` is in seconds.
    """

    seq: int
    monotonic: float
    time: float
    connection: int
    in_flight: int
    method: str
    path: str
    headers: Mapping[str, str]
    key: KeyState
    fault: str | None
    usage: Mapping[str, int] | None
    body: Any


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """The end of an answer; `status` is None where not even the headers were sent."""

    seq: int
    monotonic: float
    time: float
    status: int | None
    bytes: int
    outcome: Literal["sent", "aborted"]


class FakeProvider:
    """A running fake provider; start one with `fake_provider_process`.

    Its methods block: where a client must act in the test's own loop meanwhile, call them in a thread.
    """

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        assert process.stdout is not None
        self._process = process
        self._journals = (folder / f"journal-{number}.jsonl" for number in count(1))
        self._ready = json.loads(process.stdout.readline())
        self._control = HTTPConnection("127.0.0.1", self.port, timeout=60)
        self._controlled = threading.Lock()
        self.journal_path = folder / "none"
        self.told: dict[str, Any] = {}  # the script and the options, since the last reset
        self.reset()

    @property
    def port(self) -> int:
        return int(self._ready["port"])

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def url(self) -> str:
        return str(self._ready["url"])

    @property
    def base_url(self) -> str:
        """The address for OpenAI clients."""
        return f"{self.url}/v1"

    @property
    def anthropic_base_url(self) -> str:
        return self.url

    def environment(self, key: str = "fake-test-key") -> dict[str, str]:
        """Return variables that lead both vendors' clients of a child process here."""
        return {
            "OPENAI_BASE_URL": self.base_url,
            "OPENAI_API_KEY": key,
            "ANTHROPIC_BASE_URL": self.anthropic_base_url,
            "ANTHROPIC_API_KEY": key,
        }

    def script(self, *rules: Rule) -> None:
        """Replace the script; raises ValueError saying which rule is wrong and why."""
        self._send(script=list(rules))
        self.told["script"] = rules

    def configure(self, **options: Any) -> None:
        """Change options: answer latency_ms jitter_ms event_ms api_key max_concurrent models."""
        self._send(options=options)
        self.told |= options

    def refuse(self, seconds: float) -> None:
        """Close the listening socket, and idle connections, for so long."""
        self._send(refuse=seconds)

    def reset(self) -> None:
        """Forget script and options, cut what is open, begin a new journal."""
        self.journal_path = next(self._journals)
        self._send(reset=True, journal=str(self.journal_path))
        self.told.clear()

    def state(self) -> dict[str, Any]:
        """Return counts, once all that has come by now is read: requests, answers, in_flight, connections."""
        return self._send()

    @property
    def sent_count(self) -> int:
        """How many requests have reached the provider, those of clients that are gone included."""
        return int(self.state()["requests"])

    def requests(self) -> list[ReceivedRequest]:
        """Return what was asked, in order: all that has come by now."""
        self._send()
        return [ReceivedRequest(**line) for line in self._lines("request")]

    def answers(self, *, wait: float = 60.0) -> list[GivenAnswer]:
        """Return how the answers ended, in order of ending, once none is under way or `wait` is over."""
        deadline = time.monotonic() + wait
        while self.state()["in_flight"] and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return [GivenAnswer(**line) for line in self._lines("answer")]

    def wait_for_requests(self, number: int, *, wait: float = 60.0) -> Self:
        """Return when so many requests have come; raises TimeoutError."""
        deadline = time.monotonic() + wait
        while self.sent_count < number:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.sent_count} of {number} requests came in {wait} s")
            time.sleep(_POLL_SECONDS)
        return self

    def close(self) -> None:
        self._control.close()

    def _lines(self, kind: str) -> list[dict[str, Any]]:
        *whole, _partial = self.journal_path.read_bytes().split(b"\n")
        lines = [json.loads(line) for line in whole]
        return [line for line in lines if line.pop("kind") == kind]

    def _send(self, **command: object) -> dict[str, Any]:
        with self._controlled:
            self._control.request("POST", "/_control", json.dumps(command))
            response = self._control.getresponse()
            state: dict[str, Any] = json.loads(response.read())
        if response.status != 200:
            raise ValueError(state["error"])
        return state


@contextmanager
def fake_provider_process(folder: Path, *arguments: str) -> Iterator[FakeProvider]:
    """Start a fake provider whose journals go to the folder; it ends with this context, or with us."""
    # -S: it needs the standard library alone, and starts sooner without site-packages
    command = [sys.executable, "-S", "-E", "-m", "tests.fake_provider", *arguments]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        provider = FakeProvider(process, folder)
        try:
            yield provider
        finally:
            provider.close()


@contextmanager
def dead_server() -> Iterator[str]:
    """Yield an OpenAI base address whose port refuses connections, and is nobody else's meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}/v1"
