"""Keeps Python code from opening connections to anything but this machine, where a replay says so.

It hears of sockets as the interpreter's auditing does: not of what other programs open, or libraries in C.
"""

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any

_HOST_OF: dict[str, Callable[..., Any]] = {
    "socket.connect": lambda _socket, address: _host(address),
    "socket.sendto": lambda _socket, address: _host(address),
    "socket.sendmsg": lambda _socket, address: _host(address),
    "socket.getaddrinfo": lambda host, *_: host,
    "socket.gethostbyname": lambda host, *_: host,
    "socket.gethostbyaddr": lambda host, *_: host,
}
_LOOPBACK = re.compile(r"127(\.\d{1,3}){3}|::1|(0*:)+0*1|::ffff:127(\.\d{1,3}){3}|localhost", re.IGNORECASE)
_closed = ContextVar("closed", default=False)


class NetworkClosedError(OSError):
    """A connection to elsewhere, in a replay."""


@contextmanager
def loopback_only() -> Iterator[None]:
    """Refuse other connections to the code inside, and to the tasks that it starts."""
    _install_once()
    token = _closed.set(True)
    try:
        yield
    finally:
        _closed.reset(token)


def close_network() -> None:
    """Refuse other connections to this process, to its end."""
    _install(lambda: True)


def is_this_machine(host: object) -> bool:
    """Tell whether a host, as sockets take it, is this machine; None and "" are."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    return not isinstance(text, str) or not text or _LOOPBACK.fullmatch(text.rstrip(".")) is not None


@cache
def _install_once() -> None:
    _install(_closed.get)


def _install(is_closed: Callable[[], bool]) -> None:
    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        host_of = _HOST_OF.get(event)
        if host_of is not None and is_closed() and not is_this_machine(host := host_of(*arguments)):
            raise NetworkClosedError(
                f"a replay reaches nothing but this machine, and this goes to {host}; "
                "take it from a recording (`--no-python`), or run with --mode live"
            )

    sys.addaudithook(hook)


def _host(address: object) -> object:
    """Give the host of an address of the internet; those of other families are of this machine."""
    return address[0] if isinstance(address, tuple) and address and isinstance(address[0], str) else None
