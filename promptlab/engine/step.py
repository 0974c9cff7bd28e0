"""Steps: a kind is one file, its options are its fields, its behaviour is `run`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.check import Check
from promptlab.engine.step_context import Produced, StepContext, StepFailed
from promptlab.schemas.base import Frozen, Items
from promptlab.schemas.fields import CHECK, NAME_PATTERN, Expression, Templated
from promptlab.schemas.pipeline import OutputSpec, PipelineSpec, RetryPolicy
from promptlab.schemas.refusal import Refusal
from promptlab.schemas.template import Place, Template, TemplatedValue


class OnErrorDefault(Frozen):
    """An errored step has this output instead."""

    default: JSON


@frozen
class Part:
    """A template of a step and where the step's file says it; `scope` says what names it may use."""

    place: Place
    template: Template
    scope: str = "step"


class Step(Frozen, ABC):
    """The options that all steps have. `gives_text`: it makes text, to be read as its `output` says."""

    key: ClassVar[str]
    asks_model: ClassVar[bool] = False
    gives_text: ClassVar[bool] = False
    may_be_excused: ClassVar[bool] = True  # False: its `on_error` is about something inside it

    id: str = Field(pattern=NAME_PATTERN)
    description: str = ""
    needs: Items[str] = ()
    when: Expression | None = None
    bindings: dict[str, Templated] = Field(default_factory=dict, alias="with")
    output: OutputSpec | None = None
    checks: Items[Annotated[Any, *CHECK]] = ()
    retry: RetryPolicy = RetryPolicy()
    timeout: float | None = Field(default=None, gt=0)
    recall: bool | None = None
    on_error: OnErrorDefault | Literal["fail", "skip"] = "fail"

    @model_validator(mode="after")
    def _can_be_told(self) -> Self:
        if "invalid_output" in self.retry.on and not (self.asks_model or self.inner):
            message = "only a model can be told that its output was invalid"
            raise Refusal(message, hint="take invalid_output out of `on`", below=("retry", "on"))
        return self

    @property
    def parsed_as(self) -> OutputSpec | None:
        """What the output must be; None: whatever the step gives."""
        return self.output

    @property
    def worst_calls(self) -> int:
        """How many times it asks a model at most in one trial, without what steps inside it ask."""
        return 0

    @property
    def shape(self) -> OutputSpec | None:
        """What is known of the output before it is there; None: nothing."""
        return self.parsed_as

    @property
    def inner(self) -> "Sequence[Step]":
        """The steps inside this one."""
        return ()

    @property
    def inner_checks(self) -> Sequence[Check]:
        """Checks that stand inside this step, but at none of the steps inside it."""
        return ()

    def inner_spec(self, spec: PipelineSpec) -> PipelineSpec:
        """Give the pipeline that says model and parameters for the steps inside; `spec`: the one around."""
        return spec

    def own_parts(self) -> Iterator[Part]:
        """Give the templates of this kind of step, beside those that all steps have."""
        yield from ()

    @abstractmethod
    async def run(self, context: StepContext) -> Produced | StepFailed: ...


def holes(value: TemplatedValue, place: Place, scope: str = "step") -> Iterator[Part]:
    """Give the templates inside a value as parts."""
    for inner, template in value.holes:
        yield Part((*place, *inner), template, scope)
