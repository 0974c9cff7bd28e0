"""The embedded model: a real one, small, in our care, without key or network."""

from dataclasses import dataclass, field, replace

from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import ModelProfile, Tell
from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.dialect import Reading, StreamDialect, given, refuse, with_extra
from promptlab.engine.providers.embedded import CONTEXT_TOKENS, embedded_model, ready_to_run
from promptlab.engine.providers.http import HttpProvider
from promptlab.engine.providers.options import ProviderOptions
from promptlab.schemas.pipeline import Params

DEFAULT_MAX_TOKENS = 512


@dataclass(frozen=True, slots=True)
class LocalDialect:
    """Chat completions with llama.cpp's own constraints: a grammar where the answer is one of some words."""

    chat: ChatDialect = field(default_factory=ChatDialect)

    @property
    def path(self) -> str:
        return self.chat.path

    @property
    def stream(self) -> StreamDialect:
        return self.chat.stream

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        wire = given(params)
        refuse(wire, ("reasoning_effort",), model)
        return with_extra({"max_tokens": DEFAULT_MAX_TOKENS, **wire}, params)

    def body(self, request: CompletionRequest) -> dict[str, JSON]:
        words = _words(request)
        if words is None:
            return self.chat.body(request)
        plain = self.chat.body(replace(request, json_schema=None))
        return {"grammar": _grammar(words), **plain}

    def read(self, request: CompletionRequest, found: object) -> Reading:
        return self.chat.read(request, found)


class LocalProvider:
    """Holds one child process a model, started when the model is first asked."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = replace(options, max_concurrency=1)
        self._running: dict[str, HttpProvider] = {}

    def profile(self, model: str) -> ModelProfile:
        """Raise UsageError for a model that is not among the embedded ones."""
        weights = embedded_model(model)
        identified = replace(self._options, identity=f"sha256:{weights.sha256}")
        return replace(identified.profile(model), max_output_tokens=CONTEXT_TOKENS)

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        return LocalDialect().wire_params(model, params)

    def check(self, model: str) -> None:
        """Raise UsageError, with the command that mends it, where the model cannot run here."""
        ready_to_run(embedded_model(model))

    async def warm_up(self) -> None:
        """Leave the start of the model to its first request."""

    async def complete(self, request: CompletionRequest) -> Completion:
        return await self._provider(request.model).complete(request)

    async def stream(self, request: CompletionRequest, tell: Tell) -> Completion:
        return await self._provider(request.model).stream(request, tell)

    async def close(self) -> None:
        running, self._running = self._running, {}
        for provider in running.values():
            await provider.close()

    def _provider(self, model: str) -> HttpProvider:
        from promptlab.engine.providers.local_process import LocalProcess  # noqa: PLC0415 - asyncio is slow

        if model not in self._running:
            link = LocalProcess(self._options, embedded_model(model))
            self._running[model] = HttpProvider(self._options, LocalDialect(), link)
        return self._running[model]


def _words(request: CompletionRequest) -> list[str] | None:
    schema = request.json_schema or {}
    enum = schema.get("enum")
    if schema.get("type") != "string" or not isinstance(enum, list):
        return None
    return [word for word in enum if isinstance(word, str)]


def _grammar(words: list[str]) -> str:
    quoted = [
        '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"' for word in words
    ]
    return f"root ::= {' | '.join(quoted)}"
