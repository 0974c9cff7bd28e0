"""The web as a provider: what a service answered is recorded and recalled like a model's answer."""

import time

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest, Endpoint
from promptlab.engine.provider import ModelProfile, Price
from promptlab.engine.web import SendRequest, WebRequest

WEB = Endpoint("http", "http", "http")
FREE = Price(0.0, 0.0)


@frozen
class WebProvider:
    """One request; `seconds` for an attempt."""

    request: WebRequest
    send: SendRequest
    seconds: float

    @property
    def profile(self) -> ModelProfile:
        return ModelProfile(endpoint=WEB, model=self.request.host, price=FREE)

    @property
    def params(self) -> dict[str, JSON]:
        return self.request.as_json()

    async def complete(self, request: CompletionRequest) -> Completion:
        started = time.monotonic()
        answer = await self.send(self.request, seconds=self.seconds)
        latency_ms = (time.monotonic() - started) * 1000
        return Completion(text=answer.text, latency_ms=latency_ms, answered_by=request.model, raw=answer.raw)
