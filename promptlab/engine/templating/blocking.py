"""Renders templates for code that is not async: one after the other, in one warm template process."""

import time
from subprocess import PIPE, Popen
from threading import Timer
from types import TracebackType
from typing import IO, Self, cast

from promptlab.core.json import JSON
from promptlab.engine.scope import Names
from promptlab.engine.templating.frames import (
    STARTING_SECONDS,
    Introduced,
    answer,
    command,
    environment,
    loss,
    not_started,
    patience,
    render_frame,
    too_slow,
)
from promptlab.schemas.template import Template

TIME_LIMIT = 1.0
MEMORY_LIMIT = 256 << 20


class BlockingRenderer:
    """The template process as a context manager; it starts with the first render, or with `start`.

    ``time_limit`` is in seconds of CPU a render, ``memory_limit`` in bytes for the process. A template that
    breaks one of them ends the process; the next render starts another.
    """

    def __init__(self, *, time_limit: float = TIME_LIMIT, memory_limit: int = MEMORY_LIMIT) -> None:
        self._time_limit = time_limit
        self._memory_limit = memory_limit
        self._process: Popen[bytes] | None = None
        self._introduced = Introduced()
        self._is_ready = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start the process without waiting until it is ready, beside other work."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        self._process = Popen(
            command(self._memory_limit, self._time_limit),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment(),
            start_new_session=True,
        )

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._end()

    def render(self, template: Template, names: Names) -> JSON:
        """Return messages for a prompt, a content for a text, a JSON value else; raises RenderError."""
        frame = render_frame(template, names)
        self._require_ready(template)
        begun, process = time.monotonic(), cast("Popen[bytes]", self._process)
        limit = patience(self._time_limit)
        line = self._asked(b"".join((*self._introduced.frames(template), frame)), limit)
        if line:
            return answer(line)
        is_late = time.monotonic() - begun >= limit
        self.close()
        if is_late:
            raise too_slow(self._time_limit, template)
        raise loss(template, process.returncode, self._time_limit)

    def _require_ready(self, template: Template) -> None:
        try:
            self.start()
        except OSError as error:
            raise not_started(str(error), template) from None
        if not self._is_ready and not self._asked(b"", STARTING_SECONDS):
            raise not_started(self._end(), template)
        self._is_ready = True

    def _asked(self, frames: bytes, seconds: float) -> bytes:
        """Send frames and give the next line; nothing where the process ended before it, or took too long."""
        process = cast("Popen[bytes]", self._process)
        limit = Timer(seconds, process.kill)
        limit.start()
        try:
            stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
            stdin.write(frames)
            stdin.flush()
            line = stdout.readline()
            return line if line.endswith(b"\n") else b""
        except BrokenPipeError:
            return b""
        finally:
            limit.cancel()

    def _end(self) -> str:
        """End the process; give what it wrote on stderr, where it could not start."""
        if self._process is None:
            return ""
        self._process.kill()
        _, noise = self._process.communicate()
        self._process, self._is_ready = None, False
        self._introduced.clear()
        return noise.decode(errors="replace").strip("\0\n")
