"""Steps: a kind is one file, its options are its fields, its behaviour is `run`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import Field

from promptlab.core.json import JSON
from promptlab.engine.completion import CallFailure, Completion
from promptlab.engine.conversation import Message
from promptlab.engine.function import Function
from promptlab.engine.prompt import FrontMatter
from promptlab.engine.scope import Names
from promptlab.schemas.base import Frozen, Items
from promptlab.schemas.fields import CHECK, NAME_PATTERN, Expression, Templated
from promptlab.schemas.pipeline import TEXT_OUTPUT, OutputSpec, Params, RetryPolicy
from promptlab.schemas.template import Place, Template, TemplatedValue


class OnErrorDefault(Frozen):
    """An errored step has this output instead."""

    default: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What a step made: the text of an answer, still to be parsed, or a value. `messages`: what was sent."""

    text: str | None = None
    value: JSON = None
    messages: tuple[Message, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step that made nothing, and why. `left`: it is for a later run to do."""

    kind: str
    message: str
    left: bool = False
    messages: tuple[Message, ...] = ()

    @classmethod
    def of(cls, failure: CallFailure, messages: tuple[Message, ...] = ()) -> "StepFailed":
        return cls(kind=failure.kind, message=failure.message, left=failure.left, messages=messages)


class StepContext(Protocol):
    """What a step needs of the engine."""

    @property
    def names(self) -> Names:
        """Inputs and other steps, with the step's own `with` laid over them."""
        ...

    async def render(self, template: Template) -> JSON: ...

    async def render_messages(self, template: Template) -> tuple[Message, ...]: ...

    async def complete(self, messages: tuple[Message, ...]) -> Completion | CallFailure:
        """Ask the step's model, with its parameters and output format."""
        ...

    async def call(self, function: Function, arguments: Mapping[str, JSON]) -> JSON | CallFailure:
        """Call a function of the project in a worker, or recall what it gave."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A template of a step and where the step's file says it; `scope` says what names it may use."""

    place: Place
    template: Template
    scope: str = "step"


class Step(Frozen, ABC):
    """The options that all steps have."""

    key: ClassVar[str]

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

    @property
    def parsed_as(self) -> OutputSpec | None:
        """What the output must be; None: whatever the step gives."""
        return self.output

    @property
    def worst_calls(self) -> int:
        """How many times it asks a model at most in one trial, without what steps inside it ask."""
        return 0

    def own_parts(self) -> Iterator[Part]:
        """Give the templates of this kind of step, beside those that all steps have."""
        yield from ()

    @abstractmethod
    async def run(self, context: StepContext) -> Produced | StepFailed: ...


class CompletionStep(Step, ABC):
    """A step that asks a model."""

    model: str | None = None
    params: Params = Params()

    @property
    def front(self) -> FrontMatter | None:
        """What the prompt's own file says, where there is one."""
        return None

    @property
    def parsed_as(self) -> OutputSpec | None:
        front = self.front.output if self.front is not None else None
        return self.output or front or TEXT_OUTPUT

    @property
    def worst_calls(self) -> int:
        """One, and one more for each time that it may ask again what was no valid output."""
        spec = self.parsed_as
        may_be_invalid = spec is not None and spec.kind != "text"
        return self.retry.max_attempts if may_be_invalid and "invalid_output" in self.retry.on else 1

    @abstractmethod
    async def conversation(self, context: StepContext) -> tuple[Message, ...]:
        """Render the messages to send."""

    async def run(self, context: StepContext) -> Produced | StepFailed:
        messages = await self.conversation(context)
        answer = await context.complete(messages)
        if isinstance(answer, CallFailure):
            return StepFailed.of(answer, messages)
        return Produced(text=answer.text, messages=messages)


def holes(value: TemplatedValue, place: Place, scope: str = "step") -> Iterator[Part]:
    """Give the templates inside a value as parts."""
    for inner, template in value.holes:
        yield Part((*place, *inner), template, scope)
