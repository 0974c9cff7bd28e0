"""Reads what the headers of an answer say of the provider's rate limits."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from promptlab.core.frozen import frozen
from promptlab.engine.completion import Quota

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")
_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_REQUESTS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-reset-requests"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-reset"),
)
_TOKENS = (
    ("x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens"),
    ("anthropic-ratelimit-tokens-remaining", "anthropic-ratelimit-tokens-reset"),
)


@frozen
class Received:
    """The whole body of a good answer, and what came with it of rate limits."""

    content: bytes
    quota: Quota | None = None


def quota_of(headers: Mapping[str, str]) -> Quota | None:
    """Read OpenAI's and Anthropic's headers; `headers` are by small letters. None: they say nothing."""
    requests, requests_reset = _first(headers, _REQUESTS)
    tokens, tokens_reset = _first(headers, _TOKENS)
    if requests is None and tokens is None:
        return None
    return Quota(requests, requests_reset, tokens, tokens_reset)


def _first(headers: Mapping[str, str], names: tuple[tuple[str, str], ...]) -> tuple[int | None, float | None]:
    for left, reset in names:
        said = headers.get(left)
        if said is not None and said.strip().isdecimal() and len(said) <= 18:  # noqa: PLR2004 - a sane number
            return int(said), seconds_until(headers.get(reset))
    return None, None


def seconds_until(text: str | None, *, now: datetime | None = None) -> float | None:
    """Read `6m0s`, `12ms`, a plain number of seconds, or a moment as RFC 3339 writes it."""
    text = (text or "").strip()
    if not text:
        return None
    if found := _DURATION.fullmatch(text):
        return sum(float(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part)
    try:
        return max(0.0, float(text)) if text.replace(".", "", 1).isdecimal() else _until(text, now)
    except ValueError:
        return None


def _until(text: str, now: datetime | None) -> float:
    moment = datetime.fromisoformat(text)
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - (now or datetime.now(UTC))).total_seconds())
