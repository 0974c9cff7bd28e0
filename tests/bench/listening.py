"""What listeners over HTTP cost a run that lives in the server."""

import json
import os
import select
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from tests.bench.measure import Measure, environment, promptlab

TOKEN = "a-token-for-the-bench"
TICKS = os.sysconf("SC_CLK_TCK")
PART_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class BenchServer:
    folder: Path
    port: int
    pid: int

    def run(self, *, listeners: int) -> tuple[Measure, Measure]:
        """Run the pipeline to its end, followed by so many; measure the run, and the server beside it."""
        before = self._cpu()
        run_id = self._start()
        with ExitStack() as stack:
            wires = [stack.enter_context(self._follow(run_id)) for _ in range(listeners)]
            seconds = self._wait(run_id, wires)
        own, ended = (now - then for now, then in zip(self._cpu(), before, strict=True))
        return Measure(seconds, ended, 0, loop_seconds=seconds), Measure(seconds, own, 0)

    def _start(self) -> str:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        connection.request("POST", "/api/runs", json.dumps({"pipeline": "bench"}), headers)
        with closing(connection):
            return str(json.loads(connection.getresponse().read())["run"])

    @contextmanager
    def _follow(self, run_id: str) -> Iterator[socket.socket]:
        head = f"GET /api/runs/{run_id}/events HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        with socket.create_connection(("127.0.0.1", self.port)) as wire:
            wire.sendall(f"{head}Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n".encode())
            yield wire

    def _wait(self, run_id: str, wires: Sequence[socket.socket]) -> float:
        """Read what comes until the run has ended; give the seconds that its log says."""
        query = "select seconds from runs where id = ? and status <> 'running'"
        with closing(sqlite3.connect(self.folder / ".promptlab" / "lab.db")) as log:
            while (found := log.execute(query, (run_id,)).fetchone()) is None:
                for wire in select.select(wires, [], [], 0.1)[0]:
                    wire.recv(PART_BYTES)
                time.sleep(0.1)
        return float(found[0])

    def _cpu(self) -> tuple[float, float]:
        """Give the CPU seconds of the server, and of the processes of runs that have ended."""
        time.sleep(0.5)  # it takes note of their end
        stat = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        user, system, ended_user, ended_system = map(int, stat[11:15])
        return (user + system) / TICKS, (ended_user + ended_system) / TICKS


@contextmanager
def bench_server(folder: Path) -> Iterator[BenchServer]:
    """Serve the project of a folder until the end of the context."""
    command = promptlab("serve", "--port", "0", "--token", TOKEN, "--json")
    with subprocess.Popen(command, cwd=folder, env=environment(), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = json.loads(process.stdout.readline())["url"].rstrip("/").rpartition(":")[2]
        try:
            yield BenchServer(folder, int(port), process.pid)
        finally:
            process.terminate()
