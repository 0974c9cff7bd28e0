"""A provider over HTTP: a dialect for the words, a link for the bytes."""

import json
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any, Protocol

from promptlab.core.errors import UsageError
from promptlab.core.frozen import replace
from promptlab.core.json import JSON, compact
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import ModelProfile, ProviderError, Refused, Tell
from promptlab.engine.providers.body_errors import error_in_body
from promptlab.engine.providers.dialect import Dialect, Reading, StreamDialect, printable
from promptlab.engine.providers.events import EventDecoder, events_in, looks_like_events
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

    async def stream(
        self, model: str, path: str, body: Mapping[str, JSON], take: Callable[[bytes], None]
    ) -> Received:
        """Like `post`, and have the bytes taken as they come."""
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
        return replace(self._options.profile(model), schema_fault=self._dialect.schema_fault)

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
        await self._prepare()
        body = self._dialect.body(request)
        started = perf_counter()
        received = await self._link.post(request.model, self._dialect.path, body)
        latency_ms = (perf_counter() - started) * 1_000
        raw = self._caller.masked_raw(received.content)
        completion = self._completion(request, self._parsed(request, raw), raw, latency_ms)
        return replace(completion, quota=received.quota) if received.quota is not None else completion

    async def stream(self, request: CompletionRequest, tell: Tell) -> Completion:
        """Ask for a stream; a server that cannot gives a plain answer, which is told as a whole."""
        await self._prepare()
        dialect = self._dialect
        body = {**dialect.body(request), **dialect.stream.asked}
        listening = Listening(dialect.stream, tell)
        try:
            received = await self._link.stream(request.model, dialect.path, body, listening.take)
            return replace(self._heard(request, received.content, listening), quota=received.quota)
        except ProviderError as error:
            if listening.first_token_ms is not None:
                error.outcome = "unknown"  # it broke off within an answer, which may have been charged
            raise

    def _heard(self, request: CompletionRequest, received: bytes, listening: "Listening") -> Completion:
        latency_ms = listening.elapsed_ms()
        raw = self._caller.masked_raw(received)
        if looks_like_events(raw):
            completion = self._completion(request, self._assembled(request, raw), raw, latency_ms)
            return replace(completion, first_token_ms=listening.first_token_ms)
        completion = self._completion(request, self._parsed(request, raw), raw, latency_ms)
        listening.tell(completion.text)
        return completion

    async def close(self) -> None:
        await self._link.close()

    async def _prepare(self) -> None:
        if self._options.problem is not None:
            raise Refused(self._options.problem)
        await self._link.ready()

    def _completion(
        self, request: CompletionRequest, found: Any, raw: bytes, latency_ms: float
    ) -> Completion:
        reading = self._read(request, found, raw)
        return Completion(
            text=reading.text,
            tool_calls=reading.tool_calls,
            finish_reason=reading.finish_reason,
            usage=reading.usage,
            logprobs=reading.logprobs,
            latency_ms=latency_ms,
            answered_by=reading.answered_by,
            raw=raw,
        )

    def _read(self, request: CompletionRequest, found: Any, raw: bytes) -> Reading:
        status = error_in_body(found)
        if status is not None:
            raise self._caller.status_error(
                request.model, status, {}, compact(found).encode("utf-8", "replace")
            )
        try:
            return self._dialect.read(request, found)
        except ValueError as error:
            raise self._caller.broken(request.model, str(error), raw) from None

    def _assembled(self, request: CompletionRequest, raw: bytes) -> Any:
        try:
            return self._dialect.stream.assembled(events_in(raw))
        except (ValueError, RecursionError) as error:
            raise self._caller.broken(request.model, str(error), raw) from None

    def _parsed(self, request: CompletionRequest, raw: bytes) -> Any:
        try:
            return json.loads(raw)
        except (ValueError, RecursionError):
            raise self._caller.broken(request.model, "no JSON" if raw else "nothing", raw) from None


class Listening:
    """Tells the text of a stream as its bytes come; what is broken is found when the stream is whole."""

    def __init__(self, dialect: StreamDialect, tell: Tell) -> None:
        self._dialect = dialect
        self.tell = tell
        self._decoder = EventDecoder()
        self._started = perf_counter()
        self.first_token_ms: float | None = None

    def elapsed_ms(self) -> float:
        return (perf_counter() - self._started) * 1_000

    def take(self, received: bytes) -> None:
        for data in self._decoder.feed(received):
            text = self._piece(data)
            if text:
                if self.first_token_ms is None:
                    self.first_token_ms = self.elapsed_ms()
                self.tell(printable(text))

    def _piece(self, data: str) -> str:
        try:
            return self._dialect.piece(json.loads(data))
        except (ValueError, RecursionError):
            return ""
