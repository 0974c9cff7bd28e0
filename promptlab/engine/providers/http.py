"""A provider over HTTP: a dialect for the words, a link for the bytes."""

import json
from collections.abc import Mapping
from time import perf_counter
from typing import Any, Protocol

from promptlab.core.errors import UsageError
from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import ModelProfile, Refused
from promptlab.engine.providers.dialect import Dialect, Reading
from promptlab.engine.providers.failures import error_in_body
from promptlab.engine.providers.options import ProviderOptions
from promptlab.engine.providers.rate_headers import Received
from promptlab.schemas.pipeline import Params


class Link(Protocol):
    """Carries one request and its answer."""

    async def ready(self) -> None:
        """Do what is slow and needed once before the first request."""
        ...

    async def post(self, model: str, path: str, body: Mapping[str, JSON]) -> Received:
        """Give the whole body of a good answer, and its rate limits; raises a ProviderError for all else."""
        ...

    async def close(self) -> None: ...


class HttpProvider:
    """What all providers over HTTP share."""

    def __init__(self, options: ProviderOptions, dialect: Dialect, link: Link) -> None:
        self._options = options
        self._dialect = dialect
        self._link = link
        self._caller = options.caller

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._options.name!r}, {self._options.base_url!r})"

    def profile(self, model: str) -> ModelProfile:
        return self._options.profile(model)

    def wire_params(self, model: str, params: Params) -> Mapping[str, JSON]:
        return self._dialect.wire_params(model, params)

    def check(self, model: str) -> None:  # noqa: ARG002
        """Raise UsageError, naming what to set, if no request can be made; sends nothing."""
        if self._options.problem is not None:
            raise UsageError(self._options.problem)

    async def warm_up(self) -> None:
        """Import and open what the first request needs; may run beside other preparations."""
        await self._link.ready()

    async def complete(self, request: CompletionRequest) -> Completion:
        if self._options.problem is not None:
            raise Refused(self._options.problem)
        await self._link.ready()
        body = self._dialect.body(request)
        started = perf_counter()
        received = await self._link.post(request.model, self._dialect.path, body)
        latency_ms = (perf_counter() - started) * 1_000
        raw = self._caller.masked_raw(received.content)
        reading = self._read(request, raw)
        return Completion(
            text=reading.text,
            finish_reason=reading.finish_reason,
            usage=reading.usage,
            latency_ms=latency_ms,
            answered_by=reading.answered_by,
            raw=raw,
            quota=received.quota,
        )

    async def close(self) -> None:
        await self._link.close()

    def _read(self, request: CompletionRequest, raw: bytes) -> Reading:
        found = self._parsed(request, raw)
        status = error_in_body(found)
        if status is not None:
            raise self._caller.status_error(request.model, status, {}, raw)
        try:
            return self._dialect.read(request, found)
        except ValueError as error:
            raise self._caller.broken(request.model, str(error), raw) from None

    def _parsed(self, request: CompletionRequest, raw: bytes) -> Any:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise self._caller.broken(request.model, "no JSON" if raw else "nothing", raw) from None
