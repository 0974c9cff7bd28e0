"""Sends the requests of http steps: no redirects, cookies or proxies, nothing sent twice, bounded answers."""

import asyncio
import codecs
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self

from promptlab.engine.provider import InvalidRequest, ProviderError
from promptlab.engine.web import MOST_BYTES, WebAnswer, WebRequest

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver

CONNECT_SECONDS = 10.0
IDLE_SECONDS = 2.0  # sooner than servers hang up
CHUNK = 1 << 16


class WebClient:
    """One for a run. Opens its connections with the first request; close it, or use it as a context.

    `resolve` makes the resolver of names.
    """

    def __init__(self, resolve: "Callable[[], AbstractResolver] | None" = None) -> None:
        self._resolve = resolve
        self._opening = asyncio.Lock()
        self._sessions: dict[str, ClientSession] = {}
        self._failures: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def send(self, request: WebRequest, *, seconds: float) -> WebAnswer:
        """Send a request once; raises a ProviderError for all but an answer of success."""
        session = await self._session(request.url.partition(":")[0])
        import aiohttp  # noqa: PLC0415

        try:
            async with asyncio.timeout(seconds) as limit:
                return await _exchange(session, request, self._failures.status_error)
        except TimeoutError as error:
            if limit.expired():
                raise self._failures.timed_out(request, seconds) from None
            raise self._failures.transport_error(request, error) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise self._failures.transport_error(request, error) from None

    async def close(self) -> None:
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            await session.close()

    async def _session(self, scheme: str) -> "ClientSession":
        async with self._opening:
            if scheme not in self._sessions:
                self._failures = await asyncio.to_thread(
                    import_module, "promptlab.engine.providers.web_failures"
                )
                self._sessions[scheme] = self._opened(scheme)
        return self._sessions[scheme]

    def _opened(self, scheme: str) -> "ClientSession":
        import aiohttp  # noqa: PLC0415

        from promptlab.engine.providers.web_resolver import GuardedResolver  # noqa: PLC0415

        inner = (self._resolve or aiohttp.ThreadedResolver)()
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0, resolver=GuardedResolver(inner, scheme), keepalive_timeout=IDLE_SECONDS
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "promptlab"},
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
            trust_env=False,
        )
        session._retry_connection = False  # noqa: SLF001 - else a GET is sent again behind our back
        return session


async def _exchange(
    session: "ClientSession", request: WebRequest, status_error: Callable[..., ProviderError]
) -> WebAnswer:
    from yarl import URL  # noqa: PLC0415

    async with session.request(
        request.method,
        URL(request.url, encoded=True),
        headers=_headers(request),
        data=request.content,
        allow_redirects=False,
    ) as response:
        raw = await _body(request, response)
        if not 200 <= response.status < 300:  # noqa: PLR2004
            raise status_error(request, response.status, response.headers, raw)
        return WebAnswer(_text(request, response, raw), raw)


def _headers(request: WebRequest) -> dict[str, str]:
    if request.content is None or any(name.lower() == "content-type" for name in request.headers):
        return dict(request.headers)
    kind = "application/json" if request.is_json else "text/plain; charset=utf-8"
    return {"Content-Type": kind, **request.headers}


async def _body(request: WebRequest, response: "ClientResponse") -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in response.content.iter_chunked(CHUNK):
        size += len(chunk)
        if size > MOST_BYTES:
            response.close()
            raise InvalidRequest(
                f"{request.shown}: the answer is larger than {MOST_BYTES:,} bytes", status=response.status
            )
        chunks.append(chunk)
    return b"".join(chunks)


def _text(request: WebRequest, response: "ClientResponse", raw: bytes) -> str:
    encoding = _encoding(response.charset)
    try:
        return raw.decode(encoding)
    except UnicodeError:
        kind = response.content_type
        raise InvalidRequest(
            f"{request.shown}: the answer is no text in {encoding} ({kind})", status=response.status
        ) from None


def _encoding(stated: str | None) -> str:
    try:
        name = codecs.lookup(stated or "utf-8").name
        b" ".decode(name, "ignore")
    except (LookupError, UnicodeError):
        return "utf-8-sig"
    return "utf-8-sig" if name == "utf-8" else name
