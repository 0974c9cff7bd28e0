"""The embedded model: a real one, small, in our care, without key or network."""

from collections.abc import Mapping
from dataclasses import field, replace

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import ModelProfile, SchemaFault, Tell
from promptlab.engine.providers.chat import ChatDialect
from promptlab.engine.providers.dialect import Reading, StreamDialect, given, refuse, with_extra
from promptlab.engine.providers.embedded import CONTEXT_TOKENS, embedded_model, ready_to_run
from promptlab.engine.providers.forms import TEXT_ONLY
from promptlab.engine.providers.http import HttpProvider
from promptlab.engine.providers.local_schema import schema_fault
from promptlab.engine.providers.local_tools import as_called, form, in_words
from promptlab.engine.providers.options import ProviderOptions
from promptlab.schemas.pipeline import Params

DEFAULT_MAX_TOKENS = 512


@frozen
class LocalDialect:
    """Chat completions with llama.cpp's own constraints: a grammar where the answer is one of some words.

    Tools are told in words: the models of this size know no form of their own to call them.
    """

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

    def schema_fault(self, schema: Mapping[str, JSON]) -> SchemaFault | None:
        return schema_fault(schema)

    def body(self, request: CompletionRequest) -> dict[str, JSON]:
        told, words = in_words(request), _words(request)
        if not request.tools and words is None:
            return self.chat.body(told)
        plain = self.chat.body(replace(told, json_schema=None))
        if request.tools or words is None:
            schema: JSON = {"name": "said", "schema": form(request)}
            return {"response_format": {"type": "json_schema", "json_schema": schema}, **plain}
        return {"grammar": _grammar(words), **plain}

    def read(self, request: CompletionRequest, found: object) -> Reading:
        if not request.tools:
            return self.chat.read(request, found)
        return as_called(request, self.chat.read(replace(request, json_schema=None), found))


class LocalProvider:
    """Holds one child process a model, started when the model is first asked."""

    def __init__(self, options: ProviderOptions) -> None:
        self._options = replace(options, max_concurrency=1)
        self._running: dict[str, HttpProvider] = {}

    def profile(self, model: str) -> ModelProfile:
        """Raise UsageError for a model that is not among the embedded ones."""
        weights = embedded_model(model)
        identified = replace(self._options, identity=f"sha256:{weights.sha256}")
        return replace(
            identified.profile(model),
            max_output_tokens=CONTEXT_TOKENS,
            takes=TEXT_ONLY,
            schema_fault=schema_fault,
        )

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
        if not request.tools:
            return await self._provider(request.model).stream(request, tell)
        completion = await self.complete(request)  # its pieces are JSON that nobody wants to read
        tell(completion.text)
        return completion

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
