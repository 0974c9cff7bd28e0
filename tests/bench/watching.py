"""From a save to the first request at the server, and to the result; without a page, and beside one."""

import json
import subprocess
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median, quantiles
from threading import Thread

from tests.bench.measure import environment, promptlab
from tests.bench.table import say
from tests.fakes import FakeProvider

SAVES = 20
HALVES = 2  # of each kind, by turns
PAUSE = 0.1
TOKEN = "a-token-for-the-bench"
MEASURED = ("save → first request", "save → result printed", "CPU of the watch")
PROMPT = "{{% system %}}You answer in one short sentence.{{% endsystem %}}\nSave {}: {{{{ question }}}}\n"


def watch_saves(project: Path, server: FakeProvider) -> None:
    """Print least, median and ninetieth percentile over some saves, without a page and with one, by turns."""
    times: dict[bool, list[tuple[float, float, float]]] = {False: [], True: []}
    for half in range(2 * HALVES):
        is_served = bool(half % 2)
        times[is_served] += _watched(project, server, half, is_served=is_served)
    for is_served, found in times.items():
        beside = "a page that is read" if is_served else "no page"
        say("")
        say(f"watch, {len(found)} saves, 10 rows, 0 ms, {beside:<20}{'least':>9} {'median':>10} {'p90':>8}")
        for what, column in zip(MEASURED, zip(*found, strict=True), strict=True):
            ninetieth = quantiles(column, n=10)[-1]
            say(f"  {what:<48} {min(column):>7.1f} ms {median(column):>7.1f} ms {ninetieth:>5.1f} ms")


def _watched(
    project: Path, server: FakeProvider, half: int, *, is_served: bool
) -> list[tuple[float, float, float]]:
    options = ("--serve", "--port", "0", "--token", TOKEN) if is_served else ()
    with subprocess.Popen(
        promptlab("watch", "bench", "--json", *options),
        cwd=project,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE if is_served else subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        if process.stderr is not None:
            port = process.stderr.readline().split("/watch")[0].rpartition(":")[2]
            Thread(target=_read_page, args=(int(port),), daemon=True).start()
        process.stdout.readline()
        time.sleep(4)  # what it opens beside the first turn is open then
        times = [_save(project, server, process, half * SAVES + number) for number in range(SAVES)]
        process.terminate()
        return times


def _read_page(port: int) -> None:
    """Do as a browser does that shows the page: hear what happens, and ask for the page once a turn ended."""
    head = {"Authorization": f"Bearer {TOKEN}"}
    events = HTTPConnection("127.0.0.1", port)
    events.request("GET", "/api/watch/events", headers=head)
    with suppress(OSError, HTTPException):
        for line in events.getresponse():
            if line == b"event: turn\n":
                page = HTTPConnection("127.0.0.1", port)
                page.request("GET", "/watch", headers=head)
                page.getresponse().read()
                page.close()


def _save(
    project: Path, server: FakeProvider, process: "subprocess.Popen[str]", number: int
) -> tuple[float, float, float]:
    assert process.stdout is not None
    time.sleep(PAUSE)
    before = server.sent_count
    cpu = _cpu(process.pid)
    saved = time.time()
    (project / "prompts" / "answer.j2").write_text(PROMPT.format(number))
    turn = json.loads(process.stdout.readline())
    printed = time.time()
    requests = server.requests()[before:]
    if turn["runs"][0]["calls"]["sent"] != len(requests):
        raise RuntimeError(f"{len(requests)} requests came, but the turn says {turn}")
    time.sleep(PAUSE)  # what is done behind is CPU, too
    return 1000 * (requests[0].time - saved), 1000 * (printed - saved), _cpu(process.pid) - cpu


def _cpu(pid: int) -> float:
    """Give the CPU of a process so far in ms, by the scheduler's clock."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e6
