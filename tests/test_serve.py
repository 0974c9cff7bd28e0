"""`promptlab serve`: what it prints, what it refuses, how it ends."""

import logging
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from promptlab.cli.server_faults import faults_told
from tests.cli_kit import ECHO, PROMPTLAB, Cli, write_project
from tests.lab import environment

SECRET = "a-secret-that-was-set"
WAIT = 60


type Server = subprocess.Popen[str]


@contextmanager
def serving(folder: Path, *arguments: str, **variables: str) -> Iterator[tuple[Server, str]]:
    """Start the real command at a free port; give it with the first line that it prints."""
    server = subprocess.Popen(
        [PROMPTLAB, "serve", "--port", "0", *arguments],
        cwd=folder,
        env=environment() | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with server:
        try:
            assert server.stdout is not None
            yield server, server.stdout.readline()
        finally:
            server.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_project(tmp_path, echo=ECHO)
    return tmp_path


def asked(url: str, token: str) -> int:
    request = Request(url, headers={"Authorization": f"Bearer {token}"})
    with urlopen(request, timeout=WAIT) as answer:
        return int(answer.status)


@pytest.mark.slow
def test_it_prints_the_address_that_signs_in(folder: Path) -> None:
    """
    Given a project,
    when it is served at any free port,
    then the one line on standard output is the address with a random token in its fragment, which opens it.
    """
    with serving(folder) as (_, line):
        found = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)#token=([\w-]{43})\n", line)
        assert found is not None, line
        status = asked(f"{found[1]}api/openapi.json", found[2])

    assert status == 200


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "number", "code"), [((), signal.SIGINT, 130), (("--json",), signal.SIGTERM, 143)]
)
def test_a_signal_ends_it_and_nothing_was_logged(
    folder: Path, options: tuple[str, ...], number: signal.Signals, code: int
) -> None:
    """
    h011
    Given a server whose token was set, and that was asked with it, with wrong ones, and with nonsense,
    when a signal comes,
    then it ends with the code of that signal, its port is free, and neither token stands in what it wrote.
    """
    with serving(folder, *options, PROMPTLAB_TOKEN=SECRET) as (server, line):
        port = int(re.findall(r"127\.0\.0\.1:(\d+)/", line)[0])
        with socket.create_connection(("127.0.0.1", port)) as wire:
            head = f"GET /api/session?token={SECRET} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            wire.sendall(f"{head}Authorization: Bearer wrong-secret\r\n\r\n".encode())
            refused = wire.recv(65_536)
            wire.sendall(b"nonsense \x1b[31m\r\n\r\n")
            wire.recv(65_536)
        server.send_signal(number)
        out, err = server.communicate(timeout=WAIT)

    assert refused.startswith(b"HTTP/1.1 401")
    assert server.returncode == code
    assert SECRET not in line + out + err
    assert "wrong-secret" not in out + err
    assert len(err.splitlines()) == 2 - 2 * len(options)
    with socket.create_server(("127.0.0.1", port)):
        pass


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--port", "70000"), "70000 is not in the range"),
        (("--port", "-1"), "-1 is not in the range"),
        (("--port", "http"), "'http' is not a valid integer"),
        (("--token", "short"), "--token: a token has at least 8 characters"),
        (("--token", "with a blank in it"), "no blanks"),
        (("--host", "no..name"), "there is no address 'no..name'"),
        (("--host", "192.0.2.1"), "cannot listen at port"),
    ],
)
def test_what_cannot_be_is_a_2(cli: Cli, arguments: tuple[str, ...], message: str) -> None:
    """
    h044
    Given an address or a token that cannot be,
    when a server is to start with it,
    then it does not, with the reason.
    """
    write_project(cli.folder, echo=ECHO)

    said = cli("serve", *arguments)

    assert (said.code, said.out) == (2, "")
    assert message in said.err


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("PORT", "http", "PROMPTLAB_PORT: "),
        ("TOKEN", "short", "PROMPTLAB_TOKEN: a token has at least 8"),
        ("HOSTS", "http://lab.example.com/", "PROMPTLAB_HOSTS: a host is a name"),
        ("ORIGINS", "*", "PROMPTLAB_ORIGINS: an origin is a scheme"),
    ],
)
def test_a_variable_that_cannot_be_is_named(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    """
    Given a variable that holds what cannot be,
    when a server is to start,
    then it does not, the variable is named, and what looks like a secret is not said.
    """
    write_project(cli.folder, echo=ECHO)
    monkeypatch.setenv(f"PROMPTLAB_{name}", value)

    said = cli("serve")

    assert said.code == 2
    assert message in said.err
    assert "short" not in said.err


def test_a_port_in_use_is_a_2(cli: Cli) -> None:
    """
    h044
    Given a port that somebody listens at,
    when a server is to take it,
    then it does not, and says how to have another.
    """
    write_project(cli.folder, echo=ECHO)

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = cli("serve", "--port", str(port))

    assert (said.code, said.out) == (2, "")
    assert f"port {port} of 127.0.0.1 is in use" in said.err
    assert "--port 0" in said.err


def test_each_bug_is_told_once_and_nothing_else(capfd: pytest.CaptureFixture[str]) -> None:
    """
    Given a server,
    when a route fails twice by the same bug, and strangers send nonsense,
    then the bug is told once, with a file that can be sent to us, and the rest not at all.
    """
    logger = logging.getLogger("uvicorn.error")

    with faults_told():
        for _ in range(2):
            try:
                broken()
            except RuntimeError:
                logger.exception("Exception in ASGI application")
        logger.warning("Invalid HTTP request received.")

    out, err = capfd.readouterr()
    bug, report = err.splitlines()
    file = Path(report.rpartition(" ")[2])
    text = file.read_text()
    file.unlink()
    assert (out, bug) == ("", "error: this is a bug in promptlab: RuntimeError")
    assert "very-secret" not in text


def broken() -> None:
    raise RuntimeError("sk-very-secret-0123456789")
