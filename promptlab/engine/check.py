"""Checks: a kind is one file, its options are its fields, its behaviour is `judge`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from copy import copy
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, cast

from pydantic import Field, StrictInt, ValidationInfo, field_validator

from promptlab.core.extras import Extra
from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON, as_text
from promptlab.engine.conversation import Tool
from promptlab.engine.function import CallFunction
from promptlab.engine.question import AskJudge, nobody
from promptlab.engine.scope import Names, Render, filled
from promptlab.engine.trace import TracedSteps
from promptlab.schemas.base import Frozen
from promptlab.schemas.fields import Expression, Templated
from promptlab.schemas.gate import Severity
from promptlab.schemas.run import MISSING, StepResult, _Missing
from promptlab.schemas.template import Place, Template, TemplatedValue

SHOWN = 100
LONGEST_REASON = 1000


@frozen
class Finding:
    """What a kind of check says: whether it holds, how much (0..1), and why.

    The reason states a fact ("contains 'refund'"), so that it reads well under `not-` too.
    `versus`: the value that the output does not come up to, and the output, as texts.
    """

    passed: bool
    score: float
    reason: str
    versus: tuple[str, str] | None = None

    @classmethod
    def of(cls, *, passed: bool, reason: str) -> "Finding":
        return cls(passed, 1.0 if passed else 0.0, reason)


class CannotJudge(Exception):
    """The check cannot say; its verdict is `errored` and the trial's too."""


class DoesNotApply(Exception):
    """There is nothing for the check to say; its verdict is `skipped`."""


@frozen(kw_only=True, slots=False)
class Evidence:
    """What a trial has for its checks to look at.

    `row` holds all columns, `results` the finished steps by id, `outputs` the pipeline's (MISSING before its
    end). `ask` reaches the models that judge. `tools` gives what tools each step offers its model, by the
    step's path (`parts.part` inside `parts`).
    """

    inputs: Mapping[str, JSON]
    row: Mapping[str, JSON]
    results: Mapping[str, StepResult]
    render: Render
    call: CallFunction
    outputs: JSON | _Missing = MISSING
    ask: AskJudge = nobody
    tools: Callable[[], Mapping[str, tuple[Tool, ...]]] = dict

    @cached_property
    def names(self) -> Names:
        values = {**self.row, **self.inputs, "row": dict(self.row)}
        return Names(values, TracedSteps(self.results))

    @cached_property
    def subjects(self) -> "dict[str, Subject]":
        """Keeps what checks at one place look at, so that they share what was made of it."""
        return {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        """Forget the subjects: they know the evidence, and a circle would hold the whole trial."""
        self.subjects.clear()


@frozen(kw_only=True, slots=False)
class Subject:
    """What a check looks at.

    `output` is the value to judge, after `of`, `path` and `transform`. `results` are the steps that the value
    comes from (one for a step's check, all for a pipeline's).
    """

    output: JSON
    results: tuple[StepResult, ...]
    evidence: Evidence

    @cached_property
    def text(self) -> str:
        """The output as text checks see it: an object is its JSON text."""
        return as_text(self.output)

    @cached_property
    def folded(self) -> str:
        return self.text.casefold()

    @cached_property
    def names(self) -> Names:
        """All that checks see: inputs, columns, `row`, steps, and `output`."""
        return self.evidence.names.and_values({"output": self.output})

    @cached_property
    def _made(self) -> dict[Hashable, tuple[Any, Exception | None]]:
        return {}

    def once[T](self, make: Callable[..., T], *arguments: Hashable) -> T:
        """Give what is made of the text, which all checks that look at it share; raises what that raised."""
        key = (make, *arguments)
        if key not in self._made:
            try:
                self._made[key] = make(self.text, *arguments), None
            except Exception as error:  # noqa: BLE001 - kept for who asks
                self._made[key] = None, error.with_traceback(None)
        made, fault = self._made[key]
        if fault is not None:
            raise copy(fault)  # whose traceback leads here, and so from what is kept to itself
        return cast("T", made)

    async def render(self, template: Template) -> JSON:
        return await self.evidence.render(template, self.names)

    def with_output(self, output: JSON) -> "Subject":
        return replace(self, output=output)


class Check(Frozen, ABC):
    """The options that all checks have. Subclasses say what their `value` must be, and judge."""

    short_form: ClassVar[Literal["value", "threshold"]] = "value"
    threshold_is_score: ClassVar[bool] = True  # False: the kind uses its threshold itself
    runs_code: ClassVar[bool] = False  # True: refused in a row's own checks
    requires: ClassVar[Extra | None] = None  # where the libraries that it imports when it judges come from

    type: str
    name: str | None = Field(default=None, min_length=1, max_length=100)
    of: str | None = None
    path: Annotated[str, Field(min_length=1)] | StrictInt | None = None
    when: Expression | None = None
    transform: Expression | None = None
    threshold: float | None = Field(default=None, ge=0, le=1)
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    metric: str | None = Field(default=None, min_length=1)
    severity: Severity = "error"

    @cached_property
    def negated(self) -> bool:
        return self.type.startswith("not-")

    def templates(self) -> Iterator[tuple[Place, Template]]:
        """Give the templates of the check and where the check's long form says them."""
        if self.when is not None:
            yield ("when",), self.when
        if self.transform is not None:
            yield ("transform",), self.transform

    def places_named(self) -> Iterator[tuple[Place, str]]:
        """Give what the check names in `of`: steps, or `outputs`."""
        if self.of is not None:
            yield ("of",), self.of

    def names_beside(self, place: Place) -> frozenset[str]:  # noqa: ARG002 - of kinds that have some
        """Give what the template at `place` sees beside what all checks see."""
        return frozenset()

    def judges_named(self) -> Iterator[tuple[Place, str | None]]:
        """Give the models that it asks to judge, and where it says them; None: the one by default."""
        yield from ()

    @property
    def worst_calls(self) -> int:
        """How many times it asks a model at most."""
        return 0

    @abstractmethod
    async def judge(self, subject: Subject) -> Finding:
        """Judge `subject`. Raises CannotJudge where it cannot; any other exception counts as that too."""


class ValueCheck(Check, ABC):
    """A check that compares with a `value`, which may hold templates."""

    value: Templated

    @field_validator("value", mode="after")
    @classmethod
    def _constant_is_right(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ARG003
        if not value.holes:
            cls.parse(value.source)
        return value

    @classmethod
    @abstractmethod
    def parse(cls, value: JSON) -> Any:
        """Give the value as `compare` wants it. Raises ValueError that says what is wrong."""

    @abstractmethod
    def compare(self, value: Any, subject: Subject) -> Finding:
        """Judge `subject` by the parsed value. Raises CannotJudge where it cannot."""

    @cached_property
    def constant(self) -> Any:
        return self.parse(self.value.source)

    async def judge(self, subject: Subject) -> Finding:
        if not self.value.holes:
            return self._compared(self.constant, self.value.source, subject)
        rendered = await filled(self.value, subject.names, subject.evidence.render)
        try:
            value = self.parse(rendered)
        except ValueError as error:
            raise CannotJudge(f"its value was rendered as {shown(rendered)}: {error}") from None
        return self._compared(value, rendered, subject)

    def _compared(self, value: Any, said: JSON, subject: Subject) -> Finding:
        finding = self.compare(value, subject)
        if finding.passed or said is None:
            return finding
        return replace(finding, versus=(as_text(said), subject.text))

    def templates(self) -> Iterator[tuple[Place, Template]]:
        yield from super().templates()
        for place, template in self.value.holes:
            yield ("value", *place), template


class OptionalValueCheck(ValueCheck, ABC):
    """A check that may be without a value; `parse` is given null then."""

    value: Templated = Field(default_factory=lambda: TemplatedValue.literal(None))


def cut(reason: str) -> str:
    """Give a reason that anyone's code says, short enough to be read."""
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"


def shown(value: JSON) -> str:
    """Give a value for a message: short, on one line, without control characters."""
    text = as_text(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")


def some_text(value: JSON) -> str:
    """Read a value as text to look for; empty text would be found in any output."""
    if value is None:
        raise ValueError("must be text, not null")
    text = as_text(value)
    if not text:
        raise ValueError("must not be empty, for any output would do")
    return text
