"""Maps whatever goes wrong between here and a provider to one error tree, without any secret in it."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from promptlab.core.frozen import frozen
from promptlab.engine.provider import (
    BrokenAnswer,
    ConnectionFailed,
    InvalidRequest,
    ProviderError,
    RateLimited,
    Refused,
    ServerFault,
    TimedOut,
    UnknownModel,
)
from promptlab.engine.providers.rate_headers import quota_of

MASK = "***"
SHOWN = 300
SURELY_SECRET = 12  # shorter ones ("none", "test") may stand in an honest answer
_LOOKS_SECRET = re.compile(r"\b(sk|pk|gsk|xai|key)-[\w*.-]{8,}|\bBearer\s+[^\s\"']{8,}|(?<=://)[^/@\s]+@")
_ABOUT_PATH = re.compile(r"\b(url|path|route|endpoint)\b", re.IGNORECASE)
_NO_CREDIT = ("insufficient_quota", "billing_not_active", "billing_hard_limit_reached")
_LOW_BALANCE = "credit balance is too low"


@dataclass(frozen=True, slots=True, repr=False)
class Caller:
    """Who asks and where: all that the messages of failures say."""

    provider: str
    base_url: str
    key_source: str = "its key"
    secrets: tuple[str, ...] = ()
    api: str = "chat"

    def masked(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, MASK)
        return _LOOKS_SECRET.sub(MASK, text)

    def masked_raw(self, raw: bytes) -> bytes:
        """Give an answer's bytes without our own keys, should a server send them back."""
        for secret in self.secrets:
            if len(secret) >= SURELY_SECRET:
                raw = raw.replace(secret.encode(), MASK.encode())
        return raw

    def status_error(self, model: str, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        """Map an answer with an error status."""
        detail = _detail(body)
        kind = _kind(status, detail)
        said = self.masked(detail.message)[:SHOWN] or "no reason given"
        return kind(
            f"{self.provider}/{model}: {self._about(kind, status, model, detail, headers)}: {said}",
            status=status,
            retry_after=retry_after(headers),
            quota=quota_of(headers),
            raw=self._masked_failure(body),
        )

    def connection_error(self, model: str, error: BaseException) -> ProviderError:
        """Map an exception of the transport, by the chain of its causes."""
        import aiohttp  # noqa: PLC0415

        chain = list(_causes(error))
        where = f"{self.provider}/{model}"
        not_reached = aiohttp.ClientConnectorError | aiohttp.InvalidURL
        if any(isinstance(cause, aiohttp.ConnectionTimeoutError) for cause in chain):
            return TimedOut(f"{where}: no connection to {self._host} in time; check the network")
        if any(isinstance(cause, not_reached) for cause in chain):
            return ConnectionFailed(f"{where}: {self._unreached(chain)}")
        if any(isinstance(cause, TimeoutError) for cause in chain):
            return self.timed_out(model)
        last = str(chain[-1]).rpartition("message:")[2]  # aiohttp puts a status of its own before it
        said = self.masked(" ".join(last.split()) or type(chain[-1]).__name__)[:SHOWN]
        return ConnectionFailed(
            f"{where}: {self._host} broke off after the request was sent: {said}", outcome="unknown"
        )

    def timed_out(self, model: str) -> TimedOut:
        return TimedOut(
            f"{self.provider}/{model}: no whole answer from {self._host} in time; "
            f"providers.{self.provider}.timeout sets how long to wait",
            outcome="unknown",
        )

    def broken(self, model: str, what: str, raw: bytes) -> BrokenAnswer:
        return BrokenAnswer(
            f"{self.provider}/{model}: {self._host} gave a broken answer: {what}",
            outcome="unknown",
            raw=self._masked_failure(raw),
        )

    @property
    def _host(self) -> str:
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    def _masked_failure(self, body: bytes) -> bytes:
        text = body.decode("utf-8", "replace")
        masked = self.masked(text)
        return body if masked == text else masked.encode()

    def _about(
        self,
        kind: type[ProviderError],
        status: int,
        model: str,
        detail: "_Detail",
        headers: Mapping[str, str],
    ) -> str:
        if kind is UnknownModel and not detail.is_about(model):
            advice = "" if self.api == "chat" else f", or take out `api: {self.api}`"
            return f"nothing is at this path of {self.base_url} (404); check its base_url{advice}"
        if 300 <= status < 400:  # noqa: PLR2004
            target = urlsplit(headers.get("location", "")).hostname or "elsewhere"
            return f"a redirect ({status}) to {target} is not followed; set base_url to the final address"
        return _PHRASES.get(kind, "the request failed ({status})").format(
            status=status, key=self.key_source, model=model
        )

    def _unreached(self, chain: list[BaseException]) -> str:
        import ssl  # noqa: PLC0415

        import aiohttp  # noqa: PLC0415

        last = self.masked(str(chain[-1]))[:SHOWN]
        if any(isinstance(cause, aiohttp.ClientConnectorDNSError) for cause in chain):
            return f"the host {self._host} is not found; check the network and base_url"
        if any(isinstance(cause, ssl.SSLError | aiohttp.ClientSSLError) for cause in chain):
            return f"no trusted connection to {self._host}: {last}"
        return f"nobody answers at {self.base_url}: {last}; is it running, is base_url right?"


_PHRASES: dict[type[ProviderError], str] = {
    RateLimited: "asked too often ({status})",
    Refused: "refused ({status}); check {key}",
    UnknownModel: "there is no model '{model}' ({status})",
    InvalidRequest: "the request is not taken ({status})",
    ServerFault: "the server failed ({status})",
}


@frozen
class _Detail:
    """What an error's body says, in either vendor's shape."""

    message: str = ""
    codes: tuple[str, ...] = ()
    structured: bool = False

    def is_about(self, model: str) -> bool:
        words = (*self.codes, self.message.lower())
        if _ABOUT_PATH.search(self.message):
            return False
        return self.structured and any("model" in word or model.lower() in word for word in words)


def _detail(body: bytes) -> _Detail:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return _Detail(" ".join(body[: 4 * SHOWN].decode("utf-8", "replace").split()))
    if isinstance(found, list) and found:
        found = found[0]
    error = found.get("error", found) if isinstance(found, dict) else found
    if not isinstance(error, dict):
        return _Detail(str(error), structured=True)
    message = error.get("message") or error.get("detail") or json.dumps(error)
    codes = tuple(str(error[key]) for key in ("code", "type") if error.get(key))
    return _Detail(" ".join(str(message).split()), codes, structured=True)


def _kind(status: int, detail: _Detail) -> type[ProviderError]:
    if status == 429 and any(code in _NO_CREDIT for code in detail.codes):  # noqa: PLR2004
        return Refused
    if status == 400 and _LOW_BALANCE in detail.message:  # noqa: PLR2004
        return Refused
    if status in _KINDS:
        return _KINDS[status]
    return ServerFault if status >= 500 else InvalidRequest  # noqa: PLR2004


_KINDS: dict[int, type[ProviderError]] = {
    401: Refused,
    402: Refused,
    403: Refused,
    404: UnknownModel,
    408: ServerFault,
    429: RateLimited,
    529: RateLimited,
}


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Give the seconds to wait that a provider asks for, or None; `headers` are by small letters."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1_000
    value = headers.get("retry-after")
    seconds = _number(value)
    return seconds if seconds is not None or value is None else _until(value, now or datetime.now(tz=UTC))


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def _until(text: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__
