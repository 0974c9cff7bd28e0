"""The HTTP application as strangers reach it: bytes over a socket, the real server behind it."""

import asyncio
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from promptlab.live.serving.asgi import Message, Receive, Scope, Send
from promptlab.live.serving.bodies import MOST_BYTES, Bodies
from promptlab.live.serving.problem import Problem
from promptlab.live.serving.protocol import HeadInTime
from tests.cli_kit import ECHO, write_project
from tests.serving_kit import TOKEN, Served, everything, served

CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"


class Impatient(HeadInTime):
    head_seconds = 0.05


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("served")
    write_project(root, echo=ECHO)
    with served(root) as server:
        yield server


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_health_is_told_over_the_wire(server: Served) -> None:
    """
    Given a server,
    when health is asked for with and without letters in the host,
    then it is told.
    """
    hosts = (f"LOCALHOST:{server.port}", f"127.0.0.1:{server.port}", f"[::1]:{server.port}")
    requests = [f"GET /api/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n" for host in hosts]

    answers = [server.said_to(request.encode()) for request in requests]

    assert [status(answer) for answer in answers] == [200, 200, 200]
    assert all(answer.endswith(b'{"status":"ok"}') for answer in answers)


@pytest.mark.parametrize(
    "hosts",
    [
        "",
        "Host:\r\n",
        "Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n",
        "Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n",
        "Host: user@127.0.0.1:{port}\r\n",
        "Host: 127.0.0.1.:{port}\r\n",
        "Host: 127.0.0.1.nip.io:{port}\r\n",
        " Host: 127.0.0.1:{port}\r\n",
    ],
)
@pytest.mark.parametrize("version", ["1.1", "1.0"])
def test_one_host_and_ours(server: Served, version: str, hosts: str) -> None:
    """
    h002
    Given a request with no Host, two of them, or one that is not exactly ours,
    when it comes,
    then it is refused.
    """
    said = hosts.format(port=server.port)
    request = f"GET /api/health HTTP/{version}\r\n{said}Connection: close\r\n\r\n"

    assert status(server.said_to(request.encode())) in (400, 421)


def test_100_megabytes_are_not_read(server: Served) -> None:
    """
    h017
    Given a body of 100 MB that does not say so,
    when it comes in chunks,
    then it is refused long before it is read, and the connection closed.
    """
    chunks = 100 * 2**20 // len(CHUNK)
    head = server.head("POST /api/session", "Content-Type: application/json", "Transfer-Encoding: chunked")

    with server.connected() as wire:
        wire.sendall(head)
        sent = sent_until_refused(wire, chunks)
        answer = everything(wire)

    assert sent < chunks // 2
    assert answer == b"" or status(answer) == 413  # what came may be lost where the system resets


def sent_until_refused(wire: socket.socket, chunks: int) -> int:
    for sent in range(chunks):
        try:
            wire.sendall(CHUNK)
        except ConnectionError:
            return sent
    return chunks


def test_an_announced_body_is_refused_before_it_comes(server: Served) -> None:
    """
    h017
    Given a body that says it has 100 MB,
    when it is announced, and nothing of it sent,
    then it is refused.
    """
    head = server.head("POST /api/session", "Content-Type: application/json", "Content-Length: 104857600")

    assert status(server.said_to(head)) == 413


@pytest.mark.parametrize("length", ["2", "0", "5, 5"])
def test_two_lengths_are_refused_over_the_wire(server: Served, length: str) -> None:
    """
    h030
    Given a body in chunks that also has a length,
    when it comes,
    then it is refused, and what stands behind it is not taken for a request.
    """
    lengths = ("Transfer-Encoding: chunked", f"Content-Length: {length}")
    smuggled = f"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\n\r\n".encode()
    head = server.head("POST /api/session", "Content-Type: application/json", *lengths)

    answer = server.said_to(head + b"0\r\n\r\n" + smuggled)

    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/static/../../../../etc/passwd",
        "/static/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/static/..%2f..%2f..%2fetc/passwd",
        "/static/%252e%252e%252fetc/passwd",
        "/static/..%5c..%5cpages.py",
        "/static/../pages.py",
        "/static/%2e%2e/templates/base.html.j2",
        "/static//etc/passwd",
        "/static/promptlab.css%00",
        "/static/%ff%fe",
    ],
)
def test_no_raw_path_leads_out(server: Served, path: str) -> None:
    """
    h015
    Given paths as no client would send them,
    when they come,
    then nothing is there.
    """
    assert status(server.said_to(server.head(f"GET {path}"))) == 404


def test_a_head_that_does_not_come_closes_the_connection(tmp_path: Path) -> None:
    """
    h018
    Given connections that say nothing, or half a head and no more,
    when the time for that is over,
    then they are closed.
    """
    write_project(tmp_path, echo=ECHO)

    with served(tmp_path, http=Impatient) as server, server.connected() as mute, server.connected() as half:
        half.sendall(b"GET /api/health HTTP/1.1\r\nHost: ")
        ends = [everything(wire) for wire in (mute, half)]

    assert ends == [b"", b""]


async def test_a_body_that_does_not_end_is_refused_in_time() -> None:
    """
    h018
    Given a body of which one byte comes now and then, without end,
    when the time for bodies is over,
    then it is refused as too slow.
    """
    told: list[Problem] = []

    async def dripping() -> Message:
        await asyncio.sleep(0.001)
        return {"type": "http.request", "body": b" ", "more_body": True}

    await passed(dripping, told, seconds=0.05)

    assert [problem.status for problem in told] == [408]


async def test_an_endless_body_is_refused_at_its_size() -> None:
    """
    h018
    Given a body that comes fast and never ends,
    when it has more bytes than a body may have,
    then it is refused as too large.
    """
    told: list[Problem] = []
    read = 0

    async def endless() -> Message:
        nonlocal read
        read += 1000
        return {"type": "http.request", "body": b" " * 1000, "more_body": True}

    await passed(endless, told, seconds=60)

    assert [problem.status for problem in told] == [413]
    assert read <= MOST_BYTES + 1000


async def passed(receive: Receive, told: list[Problem], *, seconds: float) -> None:
    """Give a body to the guard of bodies; what it refuses is `told`."""

    def refusal(_scope: Scope, problem: Problem) -> Any:
        told.append(problem)
        return nothing

    async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None: ...

    async def sent(_message: Message) -> None: ...

    guard = Bodies(nothing, refusal=refusal, seconds=seconds)
    await guard({"type": "http", "method": "POST", "headers": []}, receive, sent)


def test_others_are_served_while_a_body_drips(server: Served) -> None:
    """
    h018
    Given connections whose bodies do not come,
    when others ask,
    then they are answered.
    """
    head = server.head("POST /api/session", "Content-Type: application/json", "Content-Length: 10")
    dripping = [server.connected() for _ in range(20)]
    for wire in dripping:
        wire.sendall(head + b"{")

    answer = server.said_to(server.head("GET /api/health"))

    for wire in dripping:
        wire.close()
    assert status(answer) == 200


def test_a_pathological_content_type_costs_nothing(server: Served) -> None:
    """
    h029
    Given a Content-Type made to keep a parser busy,
    when it comes,
    then it is refused for under 100 ms of this process's time.
    """
    kind = 'application/x-www-form-urlencoded; !="' + "\\" * 30_000
    head = server.head("POST /api/session", f"Content-Type: {kind}", "Content-Length: 2")
    before = time.process_time()

    answer = server.said_to(head + b"{}")

    assert status(answer) == 415
    assert time.process_time() - before < 0.1


@pytest.mark.parametrize("path", ["/" + "a" * 10_000, "/" + "%F0%9F%92%A9" * 1_000, "/api/" + "b" * 10_000])
def test_long_addresses_name_nothing(server: Served, path: str) -> None:
    """
    h027
    Given an address of 10 KB,
    when it comes,
    then nothing is there.
    """
    assert status(server.said_to(server.head(f"GET {path}"))) == 404


@pytest.mark.parametrize("line", ["GET http://evil.example/", "CONNECT evil.example:443", "GET *", "BREW /"])
def test_nothing_is_fetched_for_others(server: Served, line: str) -> None:
    """
    Given requests that a proxy would take, and methods that nobody has,
    when they come,
    then they are refused.
    """
    answer = server.said_to(server.head(line))

    assert status(answer) in (400, 404, 405, 415)
    assert TOKEN.encode() not in answer
