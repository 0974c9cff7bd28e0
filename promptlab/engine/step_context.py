"""What a step gets of the engine, and what it gives."""

from collections.abc import Mapping
from typing import Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import CallFailure, Completion
from promptlab.engine.conversation import Message, Role
from promptlab.engine.function import Function
from promptlab.engine.ran import Ran
from promptlab.engine.scope import Names
from promptlab.engine.web import WebRequest
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.run import Verdict
from promptlab.schemas.template import Template, TemplatedValue


@frozen(kw_only=True)
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


@frozen(kw_only=True)
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
