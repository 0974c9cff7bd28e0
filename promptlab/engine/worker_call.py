"""A call of project code, and what can come of it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.function import Function, FunctionError

type ErrorKind = Literal["raised", "timeout", "crashed", "result", "import"]


class ProjectCodeError(FunctionError):
    """A call of project code that gave no value.

    `kind`: raised, timeout, crashed (its process died), result (no JSON), import (the file does not load).
    `message` is one line; `traceback` has the frames in project files alone, with paths below the root.
    """

    def __init__(self, kind: ErrorKind, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.traceback = traceback


@frozen
class Printed:
    """What project code wrote to stdout and stderr: up to 64 KiB, and how many bytes were `dropped`.

    `source` names the functions that ran in the process when it was written. The text is as it came.
    """

    source: str
    text: str
    dropped: int


@dataclass(eq=False, slots=True)
class Call:
    """A call waiting or running; `limit` is in seconds and counts from its start in a child.

    Told are: `on_line`, that it waits until then; `on_leave`, that it does no longer.
    """

    number: int
    function: Function
    request: bytes
    limit: float
    answer: asyncio.Future[JSON]
    on_line: Callable[[], None]
    on_leave: Callable[[], None]
    begun: bool = False
    overdue: bool = False
    alone: bool = False  # its last process died with several calls in it
    starts: int = 0
    timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self.begun = True
        self.on_leave()

    def wait_again(self) -> None:
        self.stop_timer()
        self.begun = False
        self.on_line()

    def stop_timer(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None


def request_frame(number: int, function: Function, arguments: bytes, *, any_text: bool = False) -> bytes:
    head: dict[str, object] = {
        "id": number,
        "path": function.path,
        "name": function.name,
        "files": function.files,
        "any_text": any_text,
    }
    return json.dumps(head).encode()[:-1] + b',"arguments":' + arguments + b"}"


def outcome_of(call: Call, frame: dict[str, Any]) -> JSON | ProjectCodeError:
    if call.overdue:
        return _too_long(call)
    if "error" in frame:
        return ProjectCodeError(**frame["error"])
    value: JSON = frame["value"]
    return value


def loss_of(call: Call, reason: str) -> ProjectCodeError:
    if call.overdue:
        return _too_long(call)
    return ProjectCodeError("crashed", f"the process that ran {call.function.reference} {reason}")


def _too_long(call: Call) -> ProjectCodeError:
    return ProjectCodeError("timeout", f"{call.function.reference} took longer than {call.limit:g} s")
