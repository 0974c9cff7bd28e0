"""Answers with the last user message; for tests and examples, free and without network."""

from collections.abc import Mapping

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON, compact
from promptlab.engine.completion import Completion, CompletionRequest, Usage
from promptlab.engine.provider import ModelProfile, Tell
from promptlab.engine.providers.dialect import given, with_extra
from promptlab.engine.providers.options import ProviderOptions
from promptlab.schemas.pipeline import Params

CHARACTERS_PER_TOKEN = 4


@frozen
class EchoProvider:
    options: ProviderOptions

    def profile(self, model: str) -> ModelProfile:
        return replace(self.options.profile(model), takes_tools=False)

    def check(self, model: str) -> None:
        """Have nothing that could be missing."""

    def wire_params(self, model: str, params: Params) -> Mapping[str, JSON]:  # noqa: ARG002
        return with_extra(given(params), params)

    async def warm_up(self) -> None:
        """Need nothing."""

    async def complete(self, request: CompletionRequest) -> Completion:
        asked = [message.text for message in request.messages if message.role == "user"]
        text = asked[-1] if asked else ""
        sent = sum(len(message.text) for message in request.messages)
        usage = Usage(input_tokens=_tokens(sent), output_tokens=_tokens(len(text)))
        logprobs = _logprobs(text) if request.params.get("logprobs") else None
        raw = {"text": text, "input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        return Completion(
            text=text,
            usage=usage,
            answered_by=request.model,
            raw=compact(raw).encode("utf-8", "replace"),
            logprobs=logprobs,
        )

    async def stream(self, request: CompletionRequest, tell: Tell) -> Completion:
        completion = await self.complete(request)
        tell(completion.text)
        return completion

    async def close(self) -> None:
        """Hold nothing, so let nothing go."""


def _logprobs(text: str) -> tuple[float, ...]:
    """Give those of words, of which a longer one is less probable; they are asked for as OpenAI's are."""
    return tuple(-len(word) / 10 for word in text.split())


def _tokens(characters: int) -> int:
    return -(-characters // CHARACTERS_PER_TOKEN)
