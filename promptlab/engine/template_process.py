"""The template process: ``python -I -m promptlab.engine.template_process BYTES SECONDS``.

Reads one JSON frame a line and answers each render in order; ends when its stdin closes, and by SIGPROF in a
render that takes more than so many seconds of CPU. Frames in:
``["template", key, kind, source, name, library]``, ``["render", key, values, steps]``, ``["forget"]``;
out: ``["ready"]``, ``["ok", value]``, ``["error", kind, message, name, line]``. On stderr it writes a NUL as
each render begins, so that the parent knows which one was never answered.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import astuple

from promptlab.engine.templating.failures import failure
from promptlab.engine.templating.program import Program, Source

STDIN, STDOUT, STDERR = 0, 1, 2
CHUNK = 1 << 20
RENDER = b'["render"'
FLUSH_SECONDS = 0.002
ORPHAN_SECONDS = 15  # more than a parent waits

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class Templates:
    """The templates that this process was sent, compiled when first rendered."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._programs: dict[str, Program] = {}

    def take(self, frame: list[object]) -> bytes | None:
        """Handle one frame; returns the answer to a render."""
        match frame:
            case ["render", str(key), dict(values), dict(steps), list(others)]:
                return self._answer(key, values, steps, others)
            case ["template", str(key), kind, str(source), str(name), dict(library)]:
                self._sources[key] = Source(kind, source, name, library)  # type: ignore[arg-type]
            case ["forget"]:
                self.__init__()  # type: ignore[misc]
        return None

    def _answer(
        self, key: str, values: dict[str, object], steps: dict[str, dict[str, object]], others: list[str]
    ) -> bytes:
        try:
            return _encoded(["ok", self._program(key).render(values, steps)])
        except Exception as error:  # noqa: BLE001 - whatever a template raises is an answer
            failed = failure(error, self._sources[key], [*values, *steps, *others])
            return _encoded(["error", *astuple(failed)])

    def _program(self, key: str) -> Program:
        if key not in self._programs:
            self._programs[key] = Program(self._sources[key])
        return self._programs[key]


def main() -> None:
    """Serve until stdin closes."""
    limit_memory(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)  # whoever started us may ignore it
    os.set_blocking(STDERR, False)
    _write(_encoded(["ready"]))
    serve(Templates(), float(sys.argv[2]))
    os._exit(0)


def limit_memory(limit: int) -> None:
    """Bound this process's address space, where the system can."""
    with suppress(ImportError, ValueError, OSError):
        import resource  # noqa: PLC0415 - absent on Windows

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def serve(templates: Templates, seconds: float) -> None:
    """Answer batches of frames; a batch's answers leave together, but for slow ones."""
    for lines in _batches():
        answers: list[bytes] = []
        flushed = time.monotonic()
        _set_alarm(ORPHAN_SECONDS)
        for line in lines:
            if line.startswith(RENDER):
                _begin(seconds)
            answer = templates.take(json.loads(line))
            _limit_time(0)
            if answer is not None:
                answers.append(answer)
            if time.monotonic() - flushed > FLUSH_SECONDS:
                _write(b"".join(answers))
                answers.clear()
                flushed = time.monotonic()
                _set_alarm(ORPHAN_SECONDS)
        _write(b"".join(answers))
        _set_alarm(0)


def _batches() -> Iterator[list[bytes]]:
    rest: list[bytes] = []
    while chunk := os.read(STDIN, CHUNK):
        first, *others = chunk.split(b"\n")
        rest.append(first)
        if others:
            yield [b"".join(rest), *others[:-1]]
            rest = [others[-1]]


def _begin(seconds: float) -> None:
    with suppress(BlockingIOError):
        os.write(STDERR, b"\0")
    _limit_time(seconds)


def _limit_time(seconds: float) -> None:
    """End this process after so many seconds of its CPU, also inside C code; 0: never."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _set_alarm(seconds: int) -> None:
    if hasattr(signal, "alarm"):  # ends a runaway render whose parent is gone, even inside C code
        signal.alarm(seconds)


def _encoded(answer: list[object]) -> bytes:
    return _encode(answer).encode() + b"\n"


def _write(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(STDOUT, view) :]


if __name__ == "__main__":
    main()
