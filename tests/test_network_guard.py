"""A replay reaches this machine alone."""

import asyncio
import socket
from pathlib import Path

import pytest

from promptlab.core.network_guard import NetworkClosedError, is_this_machine, loopback_only
from promptlab.engine.function import Function
from promptlab.engine.worker import ProjectCodeError, Workers
from promptlab.loader.functions import read_function

CODE = """\
import socket

def reach(host, port):
    with socket.socket() as one:
        return one.connect_ex((host, port))


def look_up(name):
    return len(socket.getaddrinfo(name, 80))
"""
FOREIGN = "192.0.2.1"  # of no machine


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        (b"LOCALHOST.", True),
        ("", True),
        (None, True),
        ("192.0.2.1", False),
        ("127.0.0.1.example.com", False),
        ("example.com", False),
        ("::2", False),
        ("10.0.0.1", False),
    ],
)
def test_this_machine_is_known(host: object, is_ours: bool) -> None:  # noqa: FBT001
    """Given a host, when it is asked whether it is this machine, then only loopback is."""
    assert is_this_machine(host) == is_ours


async def test_only_the_code_inside_is_held_back() -> None:
    """
    Given a guard around some code,
    when it and a task of it connect or look names up, and others do at the same time,
    then those inside are refused before anything leaves, but for loopback.
    """
    loop = asyncio.get_running_loop()

    async def connect() -> None:
        with socket.socket() as one:
            one.setblocking(False)
            await loop.sock_connect(one, (FOREIGN, 80))

    with loopback_only(), socket.socket() as near:
        near.bind(("127.0.0.1", 0))
        socket.getaddrinfo("localhost", 80)
        with pytest.raises(NetworkClosedError, match=FOREIGN):
            await asyncio.create_task(connect())
        with pytest.raises(NetworkClosedError, match=r"example\.com"):
            socket.getaddrinfo("example.com", 443)
        with socket.socket(type=socket.SOCK_DGRAM) as one, pytest.raises(NetworkClosedError):
            one.sendto(b"", (FOREIGN, 9))
    with socket.socket(type=socket.SOCK_DGRAM) as one:
        one.connect(("127.0.0.1", 9))


async def test_project_code_is_held_back_and_told_why(tmp_path: Path) -> None:
    """
    Given workers that are offline,
    when a function of the project connects to elsewhere, looks a name up, or connects to this machine,
    then the first two are errors that say why, and the last is tried.
    """
    (tmp_path / "net.py").write_text(CODE)
    with socket.socket() as near:
        near.bind(("127.0.0.1", 0))
        near.listen()
        async with Workers(tmp_path, size=1, offline=True) as workers:
            reach, look_up = (_function(tmp_path, name) for name in ("reach", "look_up"))
            with pytest.raises(ProjectCodeError, match="a replay reaches nothing but this machine"):
                await workers.call(reach, {"host": FOREIGN, "port": 80})
            with pytest.raises(ProjectCodeError, match=r"goes to example\.com"):
                await workers.call(look_up, {"name": "example.com"})

            reached = await workers.call(reach, {"host": "127.0.0.1", "port": near.getsockname()[1]})

    assert reached == 0


def _function(root: Path, name: str) -> Function:
    found = read_function(f"net.py:{name}", lambda path: (root / path).read_bytes())
    assert isinstance(found, Function)
    return found
