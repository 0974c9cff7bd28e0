"""How long others wait while the server answers what is dear: the health of it is asked all the while."""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from threading import Thread

from tests.bench.listening import TOKEN, BenchServer, bench_server
from tests.bench.table import say

type Delay = tuple[float, float]  # ms of a request, and what others' use of the CPU leaves of it

PAUSE = 0.005
NOTHING_SECONDS = 3.0
ASKED: Mapping[str, str] = {
    "the list of pipelines": "/api/pipelines",
    "a plan": "/api/pipelines/bench/plan",
    "what is asked before a run": "/runs/last/again",
    "a report as JSON": "/api/runs/last/report?format=json",
    "a report as HTML": "/api/runs/last/report?format=html",
    "a report as JUnit": "/api/runs/last/report?format=junit",
    "a report as CSV": "/api/runs/last/report?format=csv",
    "a report as Markdown": "/api/runs/last/report?format=markdown",
    "rows with a text that is nowhere": "/api/runs/last/trials?text=nowhere",
    "rows by an expression": "/api/runs/last/trials?regex=(a%7Cb)%2Bnowhere",
    "the page of a run": "/runs/last",
    "the counts of its filters": "/runs/last/filters",
    "its charts": "/runs/last/charts",
    "the runs, compared": "/api/compare?a=last&b=last",
}


def print_delays(project: Path) -> None:
    """Ask each dear route of a server of its own; print how long its health took meanwhile."""
    heads = "".join(f"{head:>9}" for head in ("took s", "worst ms", "p99 ms", "p50 ms", "own ms"))
    say(f"\n  {'how long its health takes beside':<42}{heads}")
    with bench_server(project) as server:
        _print("nothing", NOTHING_SECONDS, list(_delays(server, None)))
        for what, path in ASKED.items():
            asked = _Asked(server.port, path)
            asked.start()
            delays = list(_delays(server, asked))
            if asked.status == 200:
                _print(what, asked.seconds, delays)
            else:
                say(f"  {what:<42}{asked.status:>9}")


class _Asked(Thread):
    def __init__(self, port: int, path: str) -> None:
        super().__init__()
        self._port, self._path = port, path
        self.status, self.seconds = 0, 0.0

    def run(self) -> None:
        began = time.monotonic()
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=600)) as connection:
            connection.request("GET", self._path, headers={"Authorization": f"Bearer {TOKEN}"})
            answer = connection.getresponse()
            while answer.read(1 << 20):
                pass
        self.status, self.seconds = answer.status, time.monotonic() - began


def _delays(server: BenchServer, asked: _Asked | None) -> Iterator[Delay]:
    """Ask until the dear request is answered, or for a while."""
    until = time.monotonic() + NOTHING_SECONDS
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=600)) as connection:
        while asked.is_alive() if asked is not None else time.monotonic() < until:
            yield _delay(connection, server.pid)


def _delay(connection: HTTPConnection, pid: int) -> Delay:
    time.sleep(PAUSE)
    waited, began = _waited(pid), time.monotonic()
    connection.request("GET", "/api/health")
    connection.getresponse().read()
    taken = 1000 * (time.monotonic() - began)
    since = sum(now - waited.get(thread, now) for thread, now in _waited(pid).items())
    return taken, max(0.0, taken - since)


def _waited(pid: int) -> dict[Path, float]:
    """Give how long each thread of a process, and of this one, was ready while others had the CPU, in ms."""
    tasks = [task for one in (pid, "self") for task in Path(f"/proc/{one}/task").iterdir()]
    return {task: _waited_by(task) / 1e6 for task in tasks}


def _waited_by(thread: Path) -> int:
    try:
        return int((thread / "schedstat").read_text().split()[1])
    except OSError:  # it has ended
        return 0


def _print(what: str, seconds: float, delays: list[Delay]) -> None:
    taken, own = (sorted(column) for column in zip(*delays, strict=True))
    p99, p50 = (taken[min(len(taken) - 1, int(len(taken) * share))] for share in (0.99, 0.5))
    figures = "".join(f"{figure:>9.1f}" for figure in (seconds, taken[-1], p99, p50, own[-1]))
    say(f"  {what:<42}{figures}")
