"""The embedded model: a real one, small, in our care, without key or network."""

from typing import TYPE_CHECKING

from promptlab.core.frozen import replace
from promptlab.core.json import JSON
from promptlab.engine.completion import Completion, CompletionRequest
from promptlab.engine.provider import ModelProfile, Tell
from promptlab.engine.providers.embedded import CONTEXT_TOKENS, embedded_model, ready_to_run
from promptlab.engine.providers.forms import TEXT_ONLY
from promptlab.engine.providers.local_schema import schema_fault, wire_params
from promptlab.engine.providers.options import ProviderOptions
from promptlab.schemas.pipeline import Params

if TYPE_CHECKING:
    from promptlab.engine.providers.http import HttpProvider


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
        return wire_params(model, params)

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

    def _provider(self, model: str) -> "HttpProvider":
        from promptlab.engine.providers.http import HttpProvider  # noqa: PLC0415 - only runs need it
        from promptlab.engine.providers.local_dialect import LocalDialect  # noqa: PLC0415
        from promptlab.engine.providers.local_process import LocalProcess  # noqa: PLC0415 - asyncio is slow

        if model not in self._running:
            link = LocalProcess(self._options, embedded_model(model))
            self._running[model] = HttpProvider(self._options, LocalDialect(), link)
        return self._running[model]
