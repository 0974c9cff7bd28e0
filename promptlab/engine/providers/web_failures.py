"""Maps whatever goes wrong between here and a service that an http step asks to the providers' error tree."""

import ssl
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

import aiohttp

from promptlab.core.display import masked
from promptlab.engine.provider import (
    ConnectionFailed,
    InvalidRequest,
    ProviderError,
    RateLimited,
    ServerFault,
    TimedOut,
)
from promptlab.engine.providers.failures import retry_after
from promptlab.engine.providers.web_resolver import ForbiddenAddress
from promptlab.engine.web import WebRequest

SHOWN = 300
REDIRECTS, ERRORS, SERVER_ERRORS = 300, 400, 500
ASKED_TOO_OFTEN = (429, 529)
TIMED_OUT_THERE = 408


def status_error(request: WebRequest, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """Give the error of an answer whose status is none of success."""
    small = {name.lower(): text for name, text in headers.items()}
    return _kind(status)(
        f"{request.shown}: {_about(status, small, body)}",
        status=status,
        retry_after=retry_after(small),
        raw=body,
    )


def transport_error(request: WebRequest, error: Exception) -> ProviderError:
    """Give the error for an exception of aiohttp or a socket, by the chain of its causes."""
    chain = list(_causes(error))
    last = masked(" ".join(str(chain[-1]).split()) or type(chain[-1]).__name__)[:SHOWN]
    forbidden = next((cause for cause in chain if isinstance(cause, ForbiddenAddress)), None)
    if forbidden is not None:
        return InvalidRequest(f"{request.shown}: {forbidden}")
    if isinstance(error, ValueError):
        return InvalidRequest(f"{request.shown}: this cannot be sent: {last}")
    if any(isinstance(cause, aiohttp.ConnectionTimeoutError) for cause in chain):
        return TimedOut(f"{request.shown}: no connection to {request.host} in time")
    if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in chain):
        return ConnectionFailed(f"{request.shown}: {_unreached(request, chain, last)}")
    message = f"{request.host} broke off after the request was sent: {last}"
    return ConnectionFailed(f"{request.shown}: {message}", outcome="unknown")


def timed_out(request: WebRequest, seconds: float) -> TimedOut:
    message = f"no whole answer from {request.host} in {seconds:g} s; the step's `timeout` may give it longer"
    return TimedOut(f"{request.shown}: {message}", outcome="unknown")


def _kind(status: int) -> type[ProviderError]:
    if status in ASKED_TOO_OFTEN:
        return RateLimited
    return ServerFault if status >= SERVER_ERRORS or status == TIMED_OUT_THERE else InvalidRequest


def _about(status: int, headers: Mapping[str, str], body: bytes) -> str:
    if status < ERRORS:
        target = urlsplit(headers.get("location", "")).hostname or "another path"
        return f"a redirect ({status}) to {target} is not followed; write the final address"
    said = " ".join(body[: 4 * SHOWN].decode("utf-8", "replace").split())
    return f"status {status}: {masked(said)[:SHOWN] or 'no reason given'}"


def _unreached(request: WebRequest, chain: list[BaseException], last: str) -> str:
    if any(isinstance(cause, aiohttp.ClientConnectorDNSError) for cause in chain):
        return f"the host {request.host} is not found"
    if any(isinstance(cause, ssl.SSLError | aiohttp.ClientSSLError) for cause in chain):
        return f"no trusted connection to {request.host}: {last}"
    return f"nobody answers at {request.host}: {last}; is the service running?"


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__
