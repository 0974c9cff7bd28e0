"""Runs project code (python steps, tools, checks, metrics) in child processes; nowhere else does it run."""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from promptlab.core.json import JSON
from promptlab.engine.function import Function, tell_nobody
from promptlab.engine.json_values import NotJSONError, encode
from promptlab.engine.worker_call import ErrorKind, Printed, ProjectCodeError
from promptlab.engine.worker_pool import Pool

__all__ = ["ErrorKind", "Printed", "ProjectCodeError", "Workers", "print_to_stderr", "printed_lines"]

TIME_LIMIT = 30.0
MAX_SIZE = 8
ASYNC_ROOM = 100


def print_to_stderr(printed: Printed) -> None:
    """Show each line behind the function's name, control characters escaped."""
    sys.stderr.writelines(f"{line}\n" for line in printed_lines(printed))


def printed_lines(printed: Printed) -> list[str]:
    """Give each line behind the function's name, control characters escaped."""
    lines = printed.text.rstrip("\n").split("\n")
    if printed.dropped:
        lines.append(f"… {printed.dropped:,} bytes more")
    return [f"{printed.source}: {_visible(line)}" for line in lines]


def _visible(line: str) -> str:
    return "".join(c if c.isprintable() or c == "\t" else repr(c)[1:-1] for c in line.rstrip("\r"))


class Workers:
    """Warm child processes that run functions of the project at `root`; an async context manager.

    A child starts when it is needed and holds one folder's modules in one state of their files. Sync
    functions run one at a time in a child, in at most `size` of them (default: the processors, at most 8);
    async ones up to 100 at a time in the event loops of at most `size` others. What a child prints goes to
    `on_print`. A call whose process died while others ran in it is run again, by itself.

    A child sees no variable of the environment that is named like a key, token or password. It has an
    interpreter, a session and 4 GiB of its own, works in `root`, and ends when this process does. `offline`:
    its Python opens no connection but to this machine.
    """

    def __init__(
        self,
        root: Path,
        *,
        size: int | None = None,
        on_print: Callable[[Printed], None] = print_to_stderr,
        offline: bool = False,
    ) -> None:
        root = root.resolve()
        size = size or min(os.cpu_count() or 1, MAX_SIZE)
        self._sync = Pool(root, "sync", size=size, room=1, on_print=on_print, offline=offline)
        self._async = Pool(root, "async", size=size, room=ASYNC_ROOM, on_print=on_print, offline=offline)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def call(
        self,
        function: Function,
        arguments: Mapping[str, JSON],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - kept by killing the child
        any_text: bool = False,
        on_line: Callable[[], None] = tell_nobody,
        on_leave: Callable[[], None] = tell_nobody,
    ) -> JSON:
        """Return FUNCTION(**ARGUMENTS), a JSON value of at most 10 MB.

        TIMEOUT is in seconds (default 30) from the start in the child, its import included; until then
        it is in line. With ANY_TEXT, texts in and out may have lone surrogates. Raises ProjectCodeError. A
        cancelled call is stopped in its child too.
        """
        try:
            encoded = encode(dict(arguments), "arguments", any_text=any_text)
        except NotJSONError as error:
            raise ProjectCodeError("result", str(error)) from error
        pool = self._async if function.is_async else self._sync
        limit = TIME_LIMIT if timeout is None else timeout
        return await pool.call(
            function, encoded, limit, any_text=any_text, on_line=on_line, on_leave=on_leave
        )

    async def close(self) -> None:
        """End all children within a second; calls still running are errors."""
        await asyncio.gather(self._sync.close(), self._async.close())
