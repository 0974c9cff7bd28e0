"""The pipe over which the process of a run tells its server; a slow server never holds the run up."""

import json
import os
import select
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

ATOMIC = select.PIPE_BUF  # bytes that a pipe with room takes whole


class Outlet:
    """Takes stdout for itself: what else is written there goes to stderr from then on."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._room = select.poll()
        self._room.register(pipe, select.POLLOUT)

    @classmethod
    def of_stdout(cls) -> Self:
        pipe = os.dup(1)
        os.dup2(2, 1)
        return cls(pipe)

    def tell(self, kind: str, **told: Any) -> None:
        """Tell something that must be heard; where nobody is there any more it is in the log alone."""
        unsent = memoryview(_line(kind, told))
        with suppress(BrokenPipeError):
            while unsent:
                unsent = unsent[os.write(self._pipe, unsent) :]

    def tell_if_heard(self, kind: str, told: Callable[[], dict[str, Any]]) -> bool:
        """Tell something that the next of its kind makes up for; give whether there was room for it."""
        if not any(event & select.POLLOUT for _, event in self._room.poll(0)):
            return False
        line = _line(kind, told())
        with suppress(BrokenPipeError):
            os.write(self._pipe, line if len(line) <= ATOMIC else b"")
        return True


def _line(kind: str, told: dict[str, Any]) -> bytes:
    return json.dumps({"kind": kind, **told}, separators=(",", ":")).encode() + b"\n"
