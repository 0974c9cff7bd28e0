"""A process that has imported everything: it forks the real command, which then starts within milliseconds.

It reads orders from the socket that is its stdin, a JSON object a line, each with the descriptors of the new
command: stdin, stdout, stderr, and a pipe on which its process id and, at its end, its exit code are told.
Where an order says so, stdin is the terminal that controls the command.
"""

import atexit
import fcntl
import gc
import json
import os
import signal
import socket
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from tempfile import TemporaryDirectory
from typing import Any

_IMPORTED = (
    "aiohttp",
    "h11",
    "httpcore2",
    "jinja2.sandbox",
    "openai.resources.chat.completions",
    "platformdirs.unix",
    "promptlab.engine.providers.openai",
    "promptlab.engine.providers.sdk",
    "promptlab.engine.tool_loop",
    "rich.live",
    "rich.table",
    "sqlalchemy.dialects.sqlite",
    "truststore",
    "watchfiles",
)
_WITH_ALL_WITHIN = (
    "promptlab.cli",
    "promptlab.engine.checks",
    "promptlab.engine.steps",
    "promptlab.live",
    "promptlab.loader",
    "promptlab.reports",
    "promptlab.services",
)
ORDER_BYTES = 1 << 20


def import_all() -> None:
    """Import what commands import, and build what they build at its first use."""
    for name in (*_IMPORTED, *_all_within()):
        import_module(name)
    _build_models()
    with TemporaryDirectory() as project:
        (Path(project) / "pipelines").mkdir()
        import_module("promptlab.loader.schema_file").keep_schema_file(Path(project))


def _build_models() -> None:
    from pydantic import BaseModel  # noqa: PLC0415

    for model in _all_below(BaseModel):
        if model.__module__.startswith("promptlab."):
            model.model_rebuild()


def _all_below[T](kind: type[T]) -> Iterator[type[T]]:
    for below in kind.__subclasses__():
        yield below
        yield from _all_below(below)


def _all_within() -> Iterator[str]:
    for name in _WITH_ALL_WITHIN:
        yield from (module.name for module in walk_packages(import_module(name).__path__, f"{name}."))


class Starter:
    """Forks commands, and tells their ends while it waits for orders."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._told: dict[int, int] = {}

    def obey(self) -> None:
        """Obey until nobody can give an order any more."""
        signal.signal(signal.SIGCHLD, self._tell_ends)
        while True:
            text, descriptors, _, _ = socket.recv_fds(self._orders, ORDER_BYTES, 4)
            if not text:
                return
            while not text.endswith(b"\n"):
                text += self._orders.recv(ORDER_BYTES)
            self._start(json.loads(text), descriptors)

    def _start(self, order: dict[str, Any], descriptors: Sequence[int]) -> None:
        *streams, told = descriptors
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            os.close(told)
            self._orders.close()
            _become(order, streams)
        self._told[pid] = told
        os.write(told, f"{pid}\n".encode())
        for descriptor in streams:
            os.close(descriptor)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def _tell_ends(self, *_: object) -> None:
        while self._told:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            told = self._told.pop(pid)
            os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
            os.close(told)


def _become(order: dict[str, Any], streams: Sequence[int]) -> None:
    """Be the command, in the child, to its end."""
    code = 99
    try:
        os.chdir(order["root"])
        os.environ.clear()
        os.environ.update(order["env"])
        for number, descriptor in enumerate(streams):
            os.dup2(descriptor, number)
            os.close(descriptor)
        if order.get("terminal"):
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", 1)
        code = _run(order["arguments"])
    except BaseException as error:  # noqa: BLE001 - nothing may come back to the loop of the parent
        os.write(2, f"not caught: {error!r}\n".encode())
    finally:
        os._exit(code)


def _run(arguments: Sequence[str]) -> int:
    """Run the command as `python -m promptlab` does, and end as the interpreter does."""
    from promptlab.cli.boundary import run  # noqa: PLC0415

    sys.argv[1:] = arguments
    code = run(arguments)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


if __name__ == "__main__":
    import_all()
    gc.collect()
    gc.freeze()
    Starter(socket.socket(fileno=os.dup(0))).obey()
