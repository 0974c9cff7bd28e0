"""`promptlab watch --serve` over a lab's project: turns come as JSON, the page is asked over HTTP."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.fakes import FakeProvider, fake_provider_process
from tests.hosting_kit import until
from tests.lab import PIPELINE, Lab
from tests.serving_kit import BEARER, TOKEN
from tests.watch_kit import Watched, watch

ROWS = 10
STRICT = {"steps": [{**PIPELINE["steps"][0], "checks": [{"contains": "Say"}]}]}


@dataclass(frozen=True, slots=True)
class WatchedPage:
    """A watch with its page at a port of loopback."""

    watched: Watched
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        own = {**BEARER, "Content-Type": "application/json", "Connection": "close"}
        connection.request(method, path, json.dumps(body) if body is not None else None, own)
        answer = connection.getresponse()
        text = answer.read().decode()
        return answer.status, json.loads(text) if "json" in answer.getheader("content-type", "") else text

    def turns(self) -> list[dict[str, Any]]:
        """Give the turns that the page knows."""
        status, found = self.ask("GET", "/api/watch/turns")
        assert status == 200, found
        turns: list[dict[str, Any]] = found["turns"]
        return turns

    def order(self, deed: str) -> int:
        return self.ask("POST", "/api/watch/orders", {"do": deed})[0]

    def until_told(self, condition: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """Wait until the page knows turns that fit; give them."""
        until(lambda: condition(self.turns()))
        return self.turns()

    def until_gone(self) -> None:
        """Wait until nobody listens at the port."""
        until(self._is_gone)

    def _is_gone(self) -> bool:
        try:
            self.ask("GET", "/api/health")
        except ConnectionRefusedError:
            return True
        except OSError:
            pass  # it is about to be
        return False


@contextmanager
def watched_page(lab: Lab, fake: FakeProvider, *arguments: str) -> Iterator[WatchedPage]:
    """Start it; the first turn is not read yet."""
    words = (*arguments, "--serve", "--port", "0")
    with watch(lab, fake, *words, PROMPTLAB_TOKEN=TOKEN) as watched:
        watched.until_noted("/watch")
        port = re.search(r"http://127\.0\.0\.1:(\d+)/watch", watched.noted())
        assert port is not None
        yield WatchedPage(watched, int(port.group(1)))


@contextmanager
def three_turns(folder: Path) -> Iterator[WatchedPage]:
    """Watch with a ceiling: the start, a turn in which all trials flipped, and one of a broken template."""
    with fake_provider_process(folder) as fake:
        lab = Lab(folder / "project", fake.base_url)
        lab.write_pipeline(**STRICT)
        with watched_page(lab, fake, "words", "--max-cost", "1") as page:
            page.watched.turn()
            page.watched.save("prompts/say.j2", "Tell {{ word }} <script>").turn()
            page.watched.save("prompts/say.j2", "Tell {{ wrod }}").turn()
            page.until_told(lambda turns: len(turns) == 3)
            yield page
