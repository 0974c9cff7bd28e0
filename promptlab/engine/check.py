"""Checks: a kind is one file, its options are its fields, its behaviour is `judge`."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, ClassVar, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from promptlab.core.json import JSON, as_text
from promptlab.engine.function import Function
from promptlab.engine.scope import Names, Render
from promptlab.schemas.base import Frozen
from promptlab.schemas.fields import Expression, Templated
from promptlab.schemas.pipeline import Severity
from promptlab.schemas.run import StepResult


@dataclass(frozen=True, slots=True)
class Finding:
    """What a kind of check says: whether it holds, how much (0..1), and why."""

    passed: bool
    score: float
    reason: str

    @classmethod
    def of(cls, *, passed: bool, reason: str) -> "Finding":
        return cls(passed, 1.0 if passed else 0.0, reason)


class CannotJudge(Exception):
    """The check cannot say; its verdict is `errored` and the trial's too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a check looks at.

    `output` is the value to judge, after `of`, `path` and `transform`. `results` are the steps that the value
    comes from (one for a step's check, all for a pipeline's). `render` and `call` reach the template process
    and the project's python.
    """

    output: JSON
    results: tuple[StepResult, ...]
    names: Names
    render: Render
    call: Callable[[Function, Mapping[str, JSON]], Awaitable[JSON]]

    @property
    def text(self) -> str:
        return as_text(self.output)


class Check(Frozen, ABC):
    """The options that all checks have. Subclasses say what their `value` must be, and judge."""

    short_form: ClassVar[Literal["value", "threshold"]] = "value"
    value_type: ClassVar[Any] = None  # None: the check takes no value

    type: str
    negated: bool = False
    value: Templated | None = None
    name: str | None = Field(default=None, min_length=1, max_length=100)
    of: str | None = None
    path: str | None = None
    when: Expression | None = None
    transform: Expression | None = None
    threshold: float | None = None
    weight: float = Field(default=1.0, ge=0)
    metric: str | None = Field(default=None, min_length=1)
    severity: Severity = "error"

    @property
    def shown_type(self) -> str:
        return f"not-{self.type}" if self.negated else self.type

    @model_validator(mode="after")
    def _value_fits(self) -> "Check":
        if self.value_type is None and self.value is not None:
            raise ValueError(f"{self.type} takes no value")
        if self.value_type is not None and self.value is None and self.value_required():
            raise ValueError(f"{self.type} needs a value")
        if self.value is not None and not self.value.holes:
            self.parse(self.value.source)
        return self

    @classmethod
    def value_required(cls) -> bool:
        return cls.value_type is not None and cls.short_form == "value"

    @classmethod
    def parse(cls, value: JSON) -> Any:
        """Give the value as `value_type`; raises ValueError that says what is wrong."""
        try:
            return _adapter(cls).validate_python(value)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"value{'.' + place if place else ''}: {first['msg']}") from None

    @cached_property
    def constant(self) -> Any:
        """The parsed value, where it holds no template."""
        return self.parse(self.value.source) if self.value is not None else None

    @abstractmethod
    async def judge(self, value: Any, subject: Subject) -> Finding:
        """Judge `subject`; `value` is the parsed value. Raises CannotJudge where it cannot."""


@cache
def _adapter(kind: type[Check]) -> TypeAdapter[Any]:
    return TypeAdapter(kind.value_type)
