"""The link to the embedded model: a child process in our care, asked over loopback without any SDK."""

import asyncio
import json
import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from promptlab.core.errors import UsageError
from promptlab.core.json import JSON, compact
from promptlab.engine.provider import ConnectionFailed, ProviderError, Refused
from promptlab.engine.providers.embedded import CONTEXT_TOKENS, EmbeddedModel, ready_to_run
from promptlab.engine.providers.failures import Caller
from promptlab.engine.providers.options import ProviderOptions
from promptlab.engine.providers.rate_headers import Received

_START_TIMEOUT = 60.0
_END_TIMEOUT = 2.0


class LocalProcess:
    def __init__(self, options: ProviderOptions, model: EmbeddedModel) -> None:
        self._options = options
        self._model = model
        self._key = secrets.token_urlsafe(24)
        self._caller = Caller(options.name, "the local model", secrets=(self._key,))
        self._starting = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._session: Any = None

    @property
    def pid(self) -> int | None:
        """The child's, while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process is not None else None

    async def ready(self) -> None:
        if self.pid is None:
            async with self._starting:
                if self.pid is None:
                    await self.close()
                    self._refuse_unready()
                    await self._start()

    async def post(self, model: str, path: str, body: Mapping[str, JSON]) -> Received:
        async with self._answer(model, path, body) as answer:
            return Received(await answer.read())

    async def stream(
        self, model: str, path: str, body: Mapping[str, JSON], take: Callable[[bytes], None]
    ) -> Received:
        received: list[bytes] = []
        async with self._answer(model, path, body) as answer:
            async for piece in answer.content.iter_any():
                received.append(piece)
                take(piece)
        return Received(b"".join(received))

    @asynccontextmanager
    async def _answer(self, model: str, path: str, body: Mapping[str, JSON]) -> AsyncIterator[Any]:
        """Give a good answer, its body still to be read; raise a ProviderError for all else."""
        import aiohttp  # noqa: PLC0415

        data = compact(body).encode("utf-8", "replace")
        try:
            async with (
                asyncio.timeout(self._options.timeout),
                self._session.post(f"/v1{path}", data=data) as answer,
            ):
                if answer.status != 200:  # noqa: PLR2004
                    content = await answer.read()
                    raise self._caller.status_error(model, answer.status, answer.headers, content)
                yield answer
        except TimeoutError:
            raise self._caller.timed_out(model) from None
        except (aiohttp.ClientError, OSError) as error:
            raise self._caller.connection_error(model, error) from None

    async def close(self) -> None:
        session, self._session = self._session, None
        process, self._process = self._process, None
        if session is not None:
            await session.close()
        if process is not None:
            await _end(process)

    def _refuse_unready(self) -> None:
        try:
            ready_to_run(self._model)
        except UsageError as error:
            raise Refused(f"{error.message}; run {error.hint}") from None

    async def _start(self) -> None:
        command = (sys.executable, "-I", "-m", "promptlab.engine.providers.local_server")
        pipe, nowhere = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=pipe, stdout=pipe, stderr=nowhere, start_new_session=True
        )
        try:
            async with asyncio.timeout(_START_TIMEOUT):
                told = await self._introduce(self._process)
        except (TimeoutError, OSError, ValueError):
            told = {"error": "it did not start"}
        if "url" not in told:
            await self.close()
            raise self._not_started(str(told["error"]))
        self._session = self._open_session(str(told["url"]))

    async def _introduce(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        asked: dict[str, JSON] = {
            "model": str(self._model.path),
            "alias": self._model.name,
            "api_key": self._key,
            "threads": _threads(),
            "context": CONTEXT_TOKENS,
        }
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            raise ValueError("no pipes")
        stdin.write(compact(asked).encode() + b"\n")
        await stdin.drain()
        told: dict[str, Any] = json.loads(await stdout.readline())
        return told

    def _open_session(self, url: str) -> Any:
        import aiohttp  # noqa: PLC0415

        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        return aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None))

    def _not_started(self, why: str) -> ProviderError:
        return ConnectionFailed(f"local/{self._model.name} did not start: {self._caller.masked(why)}")


def _threads() -> int:
    """Use the cores that are free: threads that wait for each other beside other work are far slower."""
    cores = os.cpu_count() or 1
    return min(8, max(1, cores - _others_running(otherwise=1)))


def _others_running(*, otherwise: int) -> int:
    """Give how many threads of other processes want a core just now."""
    try:
        running = Path("/proc/loadavg").read_text(encoding="ascii").split()[3].partition("/")[0]
    except OSError:
        return otherwise
    return max(0, int(running) - 1)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()
    try:
        async with asyncio.timeout(_END_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
