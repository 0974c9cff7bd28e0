"""The program of a worker's child: calls project functions, one request at a time or in an event loop.

Frames are four bytes of length, then JSON. In: `{id, path, name, files, arguments}` or `{cancel: id}`. Out:
`{id, begun}`, `{id, value}`, `{id, error: {kind, message, traceback}}`, `{id, stopped}`.
"""

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from promptlab.core.network_guard import close_network
from promptlab.engine.json_values import NotJSONError, encode
from promptlab.engine.project_modules import ChangedError, Project, describe, trace

if TYPE_CHECKING:
    import asyncio

MAX_MEMORY = 4 * 1024**3
MAX_RESULT = 10 * 1024**2
LENGTH = 4

type Frame = dict[str, Any]


class Channel:
    """The pipes to the parent, taken from stdin and stdout so that project code cannot write to them."""

    def __init__(self) -> None:
        self._requests = os.fdopen(os.dup(0), "rb")
        self._answers = os.fdopen(os.dup(1), "wb", buffering=0)
        with Path(os.devnull).open("rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        os.dup2(2, 1)
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr]

    def requests(self) -> Iterator[Frame]:
        while len(head := self._requests.read(LENGTH)) == LENGTH:
            yield json.loads(self._requests.read(int.from_bytes(head)))

    def send(self, frame: bytes) -> None:
        unsent = memoryview(len(frame).to_bytes(LENGTH) + frame)
        while unsent:
            unsent = unsent[self._answers.write(unsent) :]

    def begun(self, request: Frame) -> None:
        self.send(b'{"id":%d,"begun":true}' % request["id"])


def serve(project: Project, channel: Channel) -> None:
    """Answer requests one after the other, until the parent closes its end.

    Only the first is said to have begun: the parent knows that the others begin when they are sent.
    """
    for index, request in enumerate(channel.requests()):
        if index == 0:
            channel.begun(request)
        try:
            value = _load(project, request)(**request["arguments"])
            answer = _value(request, value)
        except BaseException as error:  # noqa: BLE001 - sys.exit() of a function is its error, not our end
            answer = _error(request, error, project)
        _flush()
        channel.send(answer)


class Loop:
    """Answers requests concurrently, each in a task, until the parent closes its end."""

    def __init__(self, project: Project, channel: Channel) -> None:
        self._project = project
        self._channel = channel
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def serve(self) -> None:
        import asyncio  # noqa: PLC0415 - 40 ms that a child for sync functions saves

        self._ended = asyncio.Event()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()
        await self._ended.wait()

    def _read(self, loop: "asyncio.AbstractEventLoop") -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed
            for request in self._channel.requests():
                loop.call_soon_threadsafe(self._accept, loop, request)
            loop.call_soon_threadsafe(self._ended.set)

    def _accept(self, loop: "asyncio.AbstractEventLoop", request: Frame) -> None:
        if "cancel" in request:
            self._cancel(request["cancel"])
            return
        task = loop.create_task(self._answer(request))
        self._tasks[request["id"]] = task
        task.add_done_callback(lambda _: self._tasks.pop(request["id"]))

    def _cancel(self, number: int) -> None:
        if task := self._tasks.get(number):
            task.cancel()
        self._channel.send(b'{"id":%d,"stopped":true}' % number)

    async def _answer(self, request: Frame) -> None:
        self._channel.begun(request)
        try:
            value = _load(self._project, request)(**request["arguments"])
            answer = _value(request, await value if hasattr(value, "__await__") else value)
        except BaseException as error:  # noqa: BLE001 - sys.exit() of a function is its error, not our end
            answer = _error(request, error, self._project)
        _flush()
        self._channel.send(answer)


class LoadError(Exception):
    """What importing a project file raised, as its cause."""


def _load(project: Project, request: Frame) -> Any:
    try:
        return project.load(request["path"], request["name"], request["files"])
    except BaseException as error:
        raise LoadError from error


def _value(request: Frame, value: object) -> bytes:
    encoded = encode(value, "result", any_text=request.get("any_text", False))
    if len(encoded) > MAX_RESULT:
        size = len(encoded) / 1024**2
        raise NotJSONError(f"result is {size:.1f} MB as JSON; return at most {MAX_RESULT // 1024**2} MB")
    return b'{"id":%d,"value":%b}' % (request["id"], encoded)


def _error(request: Frame, error: BaseException, project: Project) -> bytes:
    kind = "raised"
    if isinstance(error, LoadError) and error.__cause__:
        kind, error = "import", error.__cause__
    if isinstance(error, ChangedError):
        kind, message, traceback = "import", str(error), ""
    elif isinstance(error, NotJSONError):
        kind, message, traceback = "result", str(error), ""
    else:
        message, traceback = describe(error), trace(error, project)
    content = {"kind": kind, "message": message, "traceback": traceback}
    return json.dumps({"id": request["id"], "error": content}).encode()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # closed or replaced by the project's code
            stream.flush()


def _limit_resources() -> None:
    import resource  # noqa: PLC0415 - POSIX only

    for kind, most in ((resource.RLIMIT_AS, MAX_MEMORY), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(kind)[1]
        limit = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(ValueError, OSError):  # macOS has no RLIMIT_AS
            resource.setrlimit(kind, (limit, limit))


def _end_with_parent(lifeline: int) -> None:
    """End the whole process group when the parent's end of LIFELINE closes, however the parent ended."""
    os.set_inheritable(lifeline, False)
    threading.Thread(target=_wait_for_end, args=(lifeline,), daemon=True).start()
    if sys.platform == "linux":  # also while C code holds the GIL: SIGIO ends a process
        import fcntl  # noqa: PLC0415 - POSIX only

        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def _wait_for_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def main() -> None:
    """Serve the project at argv[1], in the mode of argv[2] (sync or async), bound to the pipe argv[3].

    With `offline` behind, no connection is opened but to this machine.
    """
    root, mode, lifeline, *offline = sys.argv[1:]
    del sys.argv[1:]
    if offline:
        close_network()
    channel = Channel()
    _limit_resources()
    _end_with_parent(int(lifeline))
    project = Project(Path(root))
    if mode == "sync":
        serve(project, channel)
    else:
        import asyncio  # noqa: PLC0415 - 40 ms that a child for sync functions saves

        asyncio.run(Loop(project, channel).serve())


if __name__ == "__main__":
    main()
