"""The link over a vendor's SDK: its address, keys and errors, our retries, timeouts and parsing."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from promptlab.core.addresses import is_loopback
from promptlab.core.json import JSON
from promptlab.engine.provider import ProviderError
from promptlab.engine.providers.options import CONNECT_TIMEOUT, MAX_CONNECTIONS, ProviderOptions


@dataclass(frozen=True, slots=True)
class Vendor:
    """An SDK: its module, how its client is made, and the variable whose headers it would add by itself."""

    module: str
    connect: Callable[[Any, dict[str, Any]], Any]
    headers_variable: str


class SdkLink:
    def __init__(self, vendor: Vendor, options: ProviderOptions) -> None:
        self._vendor = vendor
        self._options = options
        self._caller = options.caller
        self._opening = asyncio.Lock()
        self._sdk: Any = None
        self._client: Any = None
        self._response_type: Any = None
        self._broken: tuple[type[Exception], ...] = ()
        self._call_options: dict[str, Any] = {}

    async def ready(self) -> None:
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    await self._open()

    async def post(self, model: str, path: str, body: Mapping[str, JSON]) -> bytes:
        async with self._failures_mapped(model):
            response = await self._send(path, body, stream=False)
        content: bytes = response.content
        return content

    async def stream(
        self, model: str, path: str, body: Mapping[str, JSON], take: Callable[[bytes], None]
    ) -> bytes:
        received: list[bytes] = []
        async with self._failures_mapped(model):
            response = await self._send(path, body, stream=True)
            async with aclosing(response):
                async for piece in response.aiter_bytes():
                    received.append(piece)
                    take(piece)
        return b"".join(received)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _send(self, path: str, body: Mapping[str, JSON], *, stream: bool) -> Any:
        return await self._client.post(
            path, cast_to=self._response_type, body=body, options=self._call_options, stream=stream
        )

    @asynccontextmanager
    async def _failures_mapped(self, model: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._options.timeout):
                yield
        except TimeoutError:
            raise self._caller.timed_out(model) from None
        except self._sdk.APIStatusError as error:
            raise self._status_error(model, error.response) from None
        except self._broken as error:
            raise self._caller.connection_error(model, error) from None

    def _status_error(self, model: str, answer: Any) -> ProviderError:
        return self._caller.status_error(model, answer.status_code, answer.headers, answer.content)

    async def _open(self) -> None:
        self._sdk = await asyncio.to_thread(import_module, self._vendor.module)
        import aiohttp  # noqa: PLC0415
        import httpx2  # noqa: PLC0415

        self._response_type = httpx2.Response
        self._broken = (self._sdk.APIConnectionError, httpx2.HTTPError, aiohttp.ClientError, OSError)
        if self._options.api_key is None and not _names_authorization(self._options.headers):
            self._call_options = {"headers": {"Authorization": self._sdk.Omit()}}
        self._client = self._vendor.connect(self._sdk, self._arguments(httpx2))

    def _arguments(self, httpx2: Any) -> dict[str, Any]:
        options = self._options
        connecting = min(CONNECT_TIMEOUT, options.timeout / 2)
        http_client = self._sdk.DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=30),
            follow_redirects=False,
            trust_env=not is_loopback(options.base_url),
        )
        return {
            "api_key": options.api_key or "none",
            "base_url": options.base_url,
            "max_retries": 0,
            "timeout": httpx2.Timeout(options.timeout, connect=connecting, pool=connecting),
            "default_headers": {**self._foreign_headers(), **options.headers},
            "http_client": http_client,
        }

    def _foreign_headers(self) -> dict[str, Any]:
        """Take away the headers that the SDK adds by itself, where the host is not the vendor's."""
        if self._options.is_vendor:
            return {}
        lines = os.environ.get(self._vendor.headers_variable, "").splitlines()
        names = (line.partition(":")[0].strip() for line in lines)
        return {name: self._sdk.Omit() for name in names if name}


def _names_authorization(headers: Mapping[str, str]) -> bool:
    return any(name.lower() == "authorization" for name in headers)
