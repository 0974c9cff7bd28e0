"""Steps: a kind is one file, its options are its fields, its behaviour is `run`."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

from pydantic import Field, field_validator, model_validator

from promptlab.core.json import JSON
from promptlab.core.words import plural
from promptlab.engine.check import Check
from promptlab.engine.completion import CallFailure, Completion
from promptlab.engine.conversation import Message, Role
from promptlab.engine.function import Function
from promptlab.engine.prompt import FrontMatter
from promptlab.engine.ran import Ran
from promptlab.engine.scope import Names
from promptlab.engine.tool import ProjectTool
from promptlab.engine.web import WebRequest
from promptlab.schemas.base import Frozen, Items
from promptlab.schemas.fields import CHECK, NAME_PATTERN, TOOL, Expression, Templated
from promptlab.schemas.pipeline import TEXT_OUTPUT, OutputSpec, Params, PipelineSpec, RetryPolicy
from promptlab.schemas.refusal import Refusal
from promptlab.schemas.run import Verdict
from promptlab.schemas.template import Place, Template, TemplatedValue


class OnErrorDefault(Frozen):
    """An errored step has this output instead."""

    default: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Produced:
    """What a step made: the text of an answer, still to be parsed, or a value.

    `messages`: the whole conversation, the answer included; `said`: how many of them, at its end, came after
    the step's own. `verdicts`: of checks that stand inside it.
    """

    text: str | None = None
    value: JSON = None
    messages: tuple[Message, ...] = ()
    said: int = 0
    verdicts: tuple[Verdict, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    """A step that made nothing, and why. `left`: it is for a later run to do. The rest as in Produced."""

    kind: str
    message: str
    left: bool = False
    messages: tuple[Message, ...] = ()
    said: int = 0
    verdicts: tuple[Verdict, ...] = ()

    @classmethod
    def of(cls, failure: CallFailure, messages: tuple[Message, ...] = (), *, said: int = 0) -> "StepFailed":
        return cls(
            kind=failure.kind, message=failure.message, left=failure.left, messages=messages, said=said
        )

    @classmethod
    def inside(cls, ran: Ran) -> "StepFailed | None":
        """Give what kept the steps inside a step from making what they should; None: nothing did."""
        result = ran.first("left") or ran.first("errored")
        if result is None:
            return None
        error, left = result.error or "", result.status == "left"
        message = error if left or error.startswith(result.id) else f"{result.id}: {error}"
        return cls(kind=result.error_kind or "", message=message, left=left)


class StepContext(Protocol):
    """What a step needs of the engine."""

    @property
    def names(self) -> Names:
        """Inputs and other steps, with the step's own `with` laid over them."""
        ...

    @property
    def complaint(self) -> tuple[Message, ...]:
        """What was said after the step's own messages, where it is asked again."""
        ...

    @property
    def around(self) -> Names:
        """What the step's `when` and `with` see: inputs and other steps."""
        ...

    @property
    def is_walk(self) -> bool:
        """Whether nothing is sent or run, so that what is left in one place says nothing of others."""
        ...

    @property
    def in_order(self) -> bool:
        """Whether the items of the step run one after the other."""
        ...

    async def render(self, template: Template, names: Names | None = None) -> JSON:
        """Render with the names of the step, or with others."""
        ...

    async def fill(self, value: TemplatedValue, names: Names) -> JSON:
        """Render the templates inside a value."""
        ...

    async def run_inner(
        self, values: Mapping[str, JSON], *, item: int | None = None, alone: bool = False
    ) -> Ran:
        """Run the steps inside this one, for which `values` stand by name.

        They see the steps that this one sees, unless it stands `alone`.
        """
        ...

    def excuse(self, item: int) -> None:
        """Have what errored while an item was run count for nothing."""
        ...

    async def outputs(self, spec: PipelineSpec, ran: Ran) -> tuple[JSON, str | None]:
        """Give what a pipeline gives once the steps inside this one ran, and what is wrong with it."""
        ...

    async def judge(self, spec: PipelineSpec, ran: Ran, outputs: JSON) -> tuple[Verdict, ...]:
        """Judge the outputs of a pipeline that is inside this step by that pipeline's checks."""
        ...

    async def render_messages(self, template: Template) -> tuple[Message, ...]:
        """Render a prompt, with the files that it names in their places."""
        ...

    async def render_message(self, role: Role, template: Template) -> Message:
        """Render the content of one message, likewise."""
        ...

    async def complete(self, messages: tuple[Message, ...]) -> Completion | CallFailure:
        """Ask the step's model, with its parameters, tools and output format."""
        ...

    async def call(self, function: Function, arguments: Mapping[str, JSON]) -> JSON | CallFailure:
        """Call a function of the project in a worker, or recall what it gave."""
        ...

    async def use(
        self, function: Function, arguments: Mapping[str, JSON], *, before: int
    ) -> JSON | CallFailure:
        """Call a function as a tool, after BEFORE calls with the same arguments, or recall what it gave."""
        ...

    async def fetch(self, request: WebRequest) -> str | CallFailure:
        """Send a request over HTTP, or recall its answer; give the body."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """A template of a step and where the step's file says it; `scope` says what names it may use."""

    place: Place
    template: Template
    scope: str = "step"


class Step(Frozen, ABC):
    """The options that all steps have. `gives_text`: it makes text, to be read as its `output` says."""

    key: ClassVar[str]
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
        if "invalid_output" in self.retry.on and not (isinstance(self, CompletionStep) or self.inner):
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


class CompletionStep(Step, ABC):
    """A step that asks a model."""

    gives_text: ClassVar[bool] = True

    model: str | None = None
    params: Params = Params()
    tools: Items[Annotated[ProjectTool, *TOOL]] = ()
    max_turns: int = Field(default=10, ge=1, le=100)
    fallback: Items[str] = ()

    @field_validator("tools")
    @classmethod
    def _names_differ(cls, tools: tuple[ProjectTool, ...]) -> tuple[ProjectTool, ...]:
        names = [tool.name for tool in tools]
        for index, name in enumerate(names):
            if name in names[:index]:
                hint = "a model tells tools apart by name: rename one of the functions"
                raise Refusal(f"there are two tools called '{name}'", hint=hint, below=(index,))
        return tools

    @field_validator("fallback")
    @classmethod
    def _names_each_once(cls, fallback: tuple[str, ...]) -> tuple[str, ...]:
        for index, model in enumerate(fallback):
            if model in fallback[:index]:
                raise Refusal(f"{model} is named twice", below=(index,))
        return fallback

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
        """As many turns as its tools take, over again each time that it may say an output was invalid."""
        spec = self.parsed_as
        may_be_invalid = spec is not None and spec.kind != "text" and "invalid_output" in self.retry.on
        return (self.retry.max_attempts if may_be_invalid else 1) * (self.max_turns if self.tools else 1)

    @abstractmethod
    async def conversation(self, context: StepContext) -> tuple[Message, ...]:
        """Render the messages to send."""

    async def run(self, context: StepContext) -> Produced | StepFailed:
        from promptlab.engine.tool_loop import converse  # noqa: PLC0415 - asyncio is slow

        asked = await self.conversation(context)
        messages = (*asked, *context.complaint)
        earlier = len(context.complaint)
        talk = await converse(context, messages, self.tools, turns=self.max_turns, earlier=earlier)
        said = len(talk.messages) - len(asked)
        if isinstance(talk.end, Completion):
            return Produced(text=talk.end.text, messages=talk.messages, said=said)
        if talk.end is not None:
            return StepFailed.of(talk.end, talk.messages, said=said)
        message = (
            f"the model still called tools after {plural(self.max_turns, 'turn')}; `max_turns` says how many"
        )
        return StepFailed(kind="max_turns", message=message, messages=talk.messages, said=said)


def holes(value: TemplatedValue, place: Place, scope: str = "step") -> Iterator[Part]:
    """Give the templates inside a value as parts."""
    for inner, template in value.holes:
        yield Part((*place, *inner), template, scope)
