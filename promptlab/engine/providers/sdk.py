"""The link over a vendor's SDK: its address, headers and transport; our bodies, retries and errors.

The SDK's own way from a call to a request costs more than all else that a call takes here, so its client
says once what every request has, and requests go straight to its transport.
"""

import asyncio
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from importlib import import_module
from typing import Any

from promptlab.core.addresses import is_loopback
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, compact
from promptlab.engine.providers.options import CONNECT_TIMEOUT, MAX_CONNECTIONS, ProviderOptions
from promptlab.engine.providers.rate_headers import Received, quota_of

KEY_HEADERS = {"authorization", "x-api-key"}


@frozen
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
        self._client: Any = None
        self._http: Any = None
        self._httpx: Any = None
        self._headers: Any = None
        self._extensions: dict[str, Any] = {}
        self._urls: dict[str, Any] = {}
        self._broken: tuple[type[Exception], ...] = ()

    async def ready(self) -> None:
        if self._client is None:
            async with self._opening:
                if self._client is None:
                    await self._open()

    async def post(self, model: str, path: str, body: Mapping[str, JSON]) -> Received:
        async with self._failures_mapped(model):
            response = await self._send(model, path, body, stream=False)
        return Received(response.content, quota_of(response.headers))

    async def stream(
        self, model: str, path: str, body: Mapping[str, JSON], take: Callable[[bytes], None]
    ) -> Received:
        received: list[bytes] = []
        async with self._failures_mapped(model):
            response = await self._send(model, path, body, stream=True)
            async with aclosing(response):
                async for piece in response.aiter_bytes():
                    received.append(piece)
                    take(piece)
        return Received(b"".join(received), quota_of(response.headers))

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _send(self, model: str, path: str, body: Mapping[str, JSON], *, stream: bool) -> Any:
        """Give a good answer; of a stream its body is still to be read."""
        response = await self._http.send(self._request(path, body), stream=stream)
        if response.is_success:
            return response
        content = await response.aread()
        raise self._caller.status_error(model, response.status_code, response.headers, content)

    def _request(self, path: str, body: Mapping[str, JSON]) -> Any:
        content = compact(body).encode("utf-8", "replace")
        return self._httpx.Request(
            "POST", self._url(path), headers=self._headers, content=content, extensions=self._extensions
        )

    def _url(self, path: str) -> Any:
        if path not in self._urls:
            base = self._client.base_url
            self._urls[path] = base.copy_with(raw_path=base.raw_path.rstrip(b"/") + path.encode())
        return self._urls[path]

    @asynccontextmanager
    async def _failures_mapped(self, model: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._options.timeout):
                yield
        except TimeoutError:
            raise self._caller.timed_out(model) from None
        except self._broken as error:
            raise self._caller.connection_error(model, error) from None

    async def _open(self) -> None:
        sdk = await asyncio.to_thread(import_module, self._vendor.module)
        import aiohttp  # noqa: PLC0415
        import httpx2  # noqa: PLC0415

        self._httpx = httpx2
        self._broken = (httpx2.HTTPError, aiohttp.ClientError, OSError)
        timeout = self._timeout(httpx2)
        self._extensions = {"timeout": timeout.as_dict()}
        self._http = self._transport(sdk, httpx2)
        client = self._vendor.connect(sdk, self._arguments(sdk, timeout))
        self._headers = self._said_by(client, sdk.Omit)
        self._client = client

    def _said_by(self, client: Any, omit: type) -> Any:
        """Give the headers of every request: the key's, the SDK's own, and those of the settings."""
        headers = self._httpx.Headers()
        for name, value in {**client.auth_headers, **client.default_headers}.items():
            if isinstance(value, omit) or name.lower() in self._unwanted_headers:
                headers.pop(name, None)
            else:
                headers[name] = value
        return headers

    @property
    def _unwanted_headers(self) -> set[str]:
        """Those that would carry a key where there is none."""
        if self._options.api_key is not None:
            return set()
        return KEY_HEADERS - {name.lower() for name in self._options.headers}

    def _timeout(self, httpx2: Any) -> Any:
        connecting = min(CONNECT_TIMEOUT, self._options.timeout / 2)
        return httpx2.Timeout(self._options.timeout, connect=connecting, pool=connecting)

    def _transport(self, sdk: Any, httpx2: Any) -> Any:
        return sdk.DefaultAioHttpClient(
            limits=httpx2.Limits(max_connections=MAX_CONNECTIONS, keepalive_expiry=30),
            follow_redirects=False,
            trust_env=not is_loopback(self._options.base_url),
            **self._trust(),
        )

    def _trust(self) -> dict[str, Any]:
        """Trust no certificate where none is asked for: to read those of the system takes 50 ms."""
        if not self._options.base_url.lower().startswith("http://"):
            return {}
        return {"verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)}

    def _arguments(self, sdk: Any, timeout: Any) -> dict[str, Any]:
        return {
            "api_key": self._options.api_key or "none",
            "base_url": self._options.base_url,
            "max_retries": 0,
            "timeout": timeout,
            "default_headers": {**self._foreign_headers(sdk), **self._options.headers},
            "http_client": self._http,
        }

    def _foreign_headers(self, sdk: Any) -> dict[str, Any]:
        """Take away the headers that the SDK adds by itself, where the host is not the vendor's."""
        if self._options.is_vendor:
            return {}
        lines = os.environ.get(self._vendor.headers_variable, "").splitlines()
        names = (line.partition(":")[0].strip() for line in lines)
        return {name: sdk.Omit() for name in names if name}
