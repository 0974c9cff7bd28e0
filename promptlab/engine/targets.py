"""Which provider, model and wire parameters a step gets."""

from collections.abc import Callable
from dataclasses import dataclass, field

from promptlab.core.errors import UsageError
from promptlab.engine.plan import Target, merged_params
from promptlab.engine.provider import Provider
from promptlab.engine.step import CompletionStep
from promptlab.schemas.pipeline import PipelineSpec


@dataclass(slots=True)
class Targets:
    """Builds each provider once, when a step first names it.

    `asked` is `--model`; `default` what the environment or promptlab.yaml say.
    """

    build: Callable[[str], Provider]
    asked: str | None = None
    default: str | None = None
    providers: dict[str, Provider] = field(default_factory=dict)

    def __call__(self, step: CompletionStep, spec: PipelineSpec) -> Target:
        """Give the step's target; raises UsageError where the model is unknown or takes no such parameter."""
        name, model = self._split(self.model_of(step, spec), step)
        provider = self.provider(name)
        try:
            params = provider.wire_params(model, merged_params(step, spec))
        except ValueError as error:
            raise UsageError(f"step '{step.id}': {error}") from None
        return Target(provider, provider.profile(model), params, _problem(provider, model))

    def model_of(self, step: CompletionStep, spec: PipelineSpec) -> str | None:
        """Give the model from the first that says one."""
        front = step.front.model if step.front is not None else None
        if self.asked is not None:
            return self.asked
        return step.model or spec.model or front or self.default

    def provider(self, name: str) -> Provider:
        if name not in self.providers:
            self.providers[name] = self.build(name)
        return self.providers[name]

    async def close(self) -> None:
        for provider in self.providers.values():
            await provider.close()

    def _split(self, model: str | None, step: CompletionStep) -> tuple[str, str]:
        if model is None:
            hint = "write `model: provider/model` in the pipeline, or say --model"
            raise UsageError(f"step '{step.id}' has no model", hint=hint)
        provider, slash, name = model.partition("/")
        if not (provider and slash and name):
            raise UsageError(f"'{model}' is no model", hint="say provider/model, as openai/gpt-4o-mini")
        return provider, name


def _problem(provider: Provider, model: str) -> str | None:
    try:
        provider.check(model)
    except UsageError as error:
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return None
