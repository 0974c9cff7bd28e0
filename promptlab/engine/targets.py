"""Which provider, model and wire parameters a step gets."""

from collections.abc import Callable, Mapping
from dataclasses import field

from promptlab.core.errors import UsageError
from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.plan import NoModel, merged_params, no_judge
from promptlab.engine.provider import ParamsFault, Provider
from promptlab.engine.target import Target
from promptlab.schemas.pipeline import Params, PipelineSpec


class RefusedParams(UsageError):
    """A model has no such parameters; `names` are those of the pipeline."""

    def __init__(self, message: str, names: tuple[str, ...]) -> None:
        super().__init__(message)
        self.names = names


@slotted
class Targets:
    """Builds each provider once, when a step first names it.

    `asked` is `--model`; `default` what the environment or promptlab.yaml say; `judge` who judges by default.
    """

    build: Callable[[str], Provider]
    asked: str | None = None
    default: str | None = None
    judge_by_default: str | None = None
    providers: dict[str, Provider] = field(default_factory=dict)
    _problems: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def __call__(self, step: CompletionStep, spec: PipelineSpec) -> Target:
        """Give the step's target; raises UsageError where the model is unknown or takes no such parameter."""
        return self._target(self.model_of(step, spec), step, spec)

    def fallback(self, index: int, step: CompletionStep, spec: PipelineSpec) -> Target | None:
        """Give one of the step's fallbacks, or None if it is none here; raises UsageError as for the model.

        Who says `--model` wants that model alone; the model itself is no fallback of its own.
        """
        model = step.fallback[index]
        if self.asked is not None or model == self.model_of(step, spec):
            return None
        return self._target(model, step, spec)

    def judge(self, model: str | None, spec: PipelineSpec) -> Target:
        """Give the model that judges: the one that a check names, else the pipeline's, else the default.

        Raises UsageError where nothing says one, or it is unknown.
        """
        said = _first_said(model, spec.judge, self.judge_by_default)
        if said is None:
            return no_judge(model, spec)
        name, short = self._split(said, "a judge")
        provider = self.provider(name)
        return Target(provider, provider.profile(short), _calm(provider, short), self._problem(name, short))

    def model_of(self, step: CompletionStep, spec: PipelineSpec) -> str | None:
        """Give the model from the first that says one."""
        front = step.front.model if step.front is not None else None
        if self.asked is not None:
            return self.asked
        return _first_said(step.model, spec.model, front, self.default)

    def provider(self, name: str) -> Provider:
        if name not in self.providers:
            self.providers[name] = self.build(name)
        return self.providers[name]

    async def close(self) -> None:
        for provider in self.providers.values():
            await provider.close()

    def _target(self, asked: str | None, step: CompletionStep, spec: PipelineSpec) -> Target:
        name, model = self._split(asked, f"step '{step.id}'")
        provider = self.provider(name)
        try:
            params = provider.wire_params(model, merged_params(step, spec))
        except ParamsFault as fault:
            raise RefusedParams(f"step '{step.id}': {fault}", fault.names) from None
        except ValueError as error:
            raise UsageError(f"step '{step.id}': {error}") from None
        profile = provider.profile(model)
        if step.tools and not profile.takes_tools:
            hint = "name a model that calls tools, or take out `tools`"
            raise UsageError(f"step '{step.id}': {profile.name} takes no tools", hint=hint)
        return Target(provider, profile, params, self._problem(name, model))

    def _problem(self, name: str, model: str) -> str | None:
        if (name, model) not in self._problems:
            self._problems[name, model] = _problem(self.provider(name), model)
        return self._problems[name, model]

    def _split(self, model: str | None, what: str) -> tuple[str, str]:
        if model is None:
            hint = "write `model: provider/model` in the pipeline, or say --model"
            raise NoModel(f"{what} has no model", hint=hint)
        provider, slash, name = model.partition("/")
        if not (provider and slash and name):
            raise UsageError(f"'{model}' is no model", hint="say provider/model, as openai/gpt-4o-mini")
        return provider, name


def _first_said(*models: str | None) -> str | None:
    """Give the first that is said, be it the empty text, which is no model."""
    return next((model for model in models if model is not None), None)


def _calm(provider: Provider, model: str) -> Mapping[str, JSON]:
    """Give the parameters of a judge: a temperature of 0, where the model takes one."""
    try:
        return provider.wire_params(model, Params(temperature=0))
    except ValueError:
        return provider.wire_params(model, Params())


def _problem(provider: Provider, model: str) -> str | None:
    try:
        provider.check(model)
    except UsageError as error:
        return f"{error.message}; {error.hint}" if error.hint else error.message
    return None
