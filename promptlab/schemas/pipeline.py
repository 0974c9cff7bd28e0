"""A pipeline as its file says it, after all that it names was found."""

from collections.abc import Mapping
from math import ceil
from types import UnionType
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from promptlab.core.json import JSON, as_text
from promptlab.schemas.base import Frozen, Items, SomeItems
from promptlab.schemas.dataset import DataFormat, DatasetSpec, InputSpec, InputType
from promptlab.schemas.fields import CHECK, METRIC, STEP, Expression, Templated, resolver
from promptlab.schemas.gate import Gate
from promptlab.schemas.history import fault_of
from promptlab.schemas.refusal import Refusal

type RetryableKind = Literal["rate_limit", "timeout", "connection", "server", "invalid_output"]
type ReasoningEffort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

MOST_REPEATS = 10_000
DEVICES = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in range(1, 10)))
)  # no file of Windows is called so, whatever follows a full stop


PYTHON_TYPES: Mapping[InputType, type | UnionType] = {
    "string": str,
    "integer": int,
    "number": int | float,
    "boolean": bool,
    "array": list,
    "object": dict,
    "messages": list,
    "image": str,
    "file": str,
}


def fits(value: JSON, type_: InputType) -> bool:
    """Say whether a value is of a type of input."""
    if isinstance(value, bool):
        return type_ in ("boolean", "any")
    return type_ == "any" or isinstance(value, PYTHON_TYPES[type_])


def _require_history(messages: list[JSON]) -> None:
    fault = fault_of(messages)
    if fault is not None:
        raise Refusal(f"message {fault.number} {fault}", hint=fault.hint, below=("default", fault.number))


class InputEntry(Frozen):
    """One of `inputs`: `ticket: string`, or a map with a default."""

    type: InputType = "any"
    enum: Items[JSON] | None = None
    default: JSON = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: object) -> object:
        return {"type": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _values_fit(self) -> Self:
        for word in self.enum or ():
            if not fits(word, self.type):
                raise Refusal(f"{as_text(word)} in `enum` is not of type {self.type}", below=("enum",))
        if self.default is None:
            return self
        if not fits(self.default, self.type):
            raise Refusal(f"the default is not of type {self.type}", below=("default",))
        if self.enum is not None and self.default not in self.enum:
            raise Refusal("the default is none of `enum`", below=("default",))
        if self.type == "messages" and isinstance(self.default, list):
            _require_history(self.default)
        return self

    @property
    def spec(self) -> InputSpec:
        required = "default" not in self.model_fields_set
        return InputSpec(self.type, self.enum, self.default, required)


class DatasetEntry(Frozen):
    """`dataset: path`, or a map; `where`, then `sample`, then `limit` say which rows are taken."""

    path: str = Field(min_length=1)
    format: DataFormat | None = None
    where: Expression | None = None
    sample: float | None = Field(default=None, gt=0)
    seed: int = 0
    limit: int | None = Field(default=None, ge=1)

    @field_validator("sample")
    @classmethod
    def _number_or_share(cls, value: float | None) -> float | None:
        if value is not None and value > 1 and value != int(value):
            raise ValueError(f"{value:g} is neither a whole number of rows nor a share below 1")
        return value

    @property
    def spec(self) -> DatasetSpec:
        return DatasetSpec(self.path, self.format, self.limit, self.where, self.sample, self.seed)


class Params(Frozen):
    """Parameters of a completion, in the field's common names; `extra` goes into the body as it is."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: str | Items[str] | None = None
    seed: int | None = None
    reasoning_effort: ReasoningEffort | None = None
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    extra: dict[str, JSON] | None = None

    @field_validator("stop")
    @classmethod
    def _stops_somewhere(cls, stop: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        if stop is not None and not (stop and all(stop)):
            raise ValueError("there is no text to stop at; name one, or leave it out")
        return stop

    def over(self, other: "Params") -> "Params":
        """Give these parameters, completed by those of `other` that they do not say."""
        return other.model_copy(update={name: getattr(self, name) for name in self.model_fields_set})


class RetryPolicy(Frozen):
    """How often, how long apart (seconds) and after which failures a call is tried again."""

    max_attempts: int = Field(default=5, ge=1, le=100)
    initial: float = Field(default=0.5, ge=0)
    max: float = Field(default=60, ge=0)
    jitter: float = Field(default=0.2, ge=0, le=1)
    on: Items[RetryableKind] = ("rate_limit", "timeout", "connection", "server")


class Limits(Frozen):
    """Ceilings of a run; reaching one stops it with exit code 4."""

    cost_usd: float | None = Field(default=None, gt=0)
    total_tokens: int | None = Field(default=None, ge=1)
    requests: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    errors: int | None = Field(default=None, ge=1)


class Repeat(Frozen):
    """`count` repeats of each row and cell; `passes` of them (below 1: a share) make it pass.

    With `until: decided` there are at most `max`, which `count` says too: as many as it takes to know what
    all of them would say.
    """

    count: int = Field(default=1, ge=1, le=MOST_REPEATS)
    max: int | None = Field(default=None, ge=1, le=MOST_REPEATS)
    until: Literal["decided"] | None = None
    passes: float | None = Field(default=None, alias="pass", gt=0)

    @model_validator(mode="before")
    @classmethod
    def _counted_by_max(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("max") is None:
            return value
        most = value["max"]
        if "count" in value:
            raise ValueError("`max` is for repeats `until: decided`, which have no `count`; keep one of them")
        is_valid = isinstance(most, int) and 1 <= most <= MOST_REPEATS  # else it is `max` that is reported
        return {**value, "count": most} if is_valid else value

    @model_validator(mode="after")
    def _decides(self) -> Self:
        if (self.max is None) != (self.until is None):
            raise ValueError("`max` and `until: decided` go together; for a fixed number say `count`")
        if self.until is not None and self.passes is None:
            raise ValueError("`until: decided` needs `pass`: how many repeats, or which share, must pass")
        return self

    @model_validator(mode="after")
    def _within_count(self) -> Self:
        if self.passes is None:
            return self
        if self.passes > self.count:
            most = "count" if self.max is None else "max"
            raise ValueError(f"pass: {self.passes:g} is more than {most}: {self.count}")
        if self.passes > 1 and self.passes % 1:
            raise ValueError(f"pass: {self.passes:g} is neither a number of repeats nor a share below 1")
        return self

    @property
    def needed(self) -> int | None:
        """How many repeats must pass for the row to pass; None where each trial counts by itself."""
        if self.passes is None:
            return None
        if self.passes >= 1:
            return int(self.passes)
        return max(1, ceil(round(self.passes * self.count, 9)))  # 0.55 * 100 is a little more than 55

    @property
    def fewest(self) -> int:
        """After how many repeats a row can be decided at the earliest."""
        if self.until is None or self.needed is None:
            return self.count
        return min(self.needed, self.count - self.needed + 1)


class OutputSpec(Frozen):
    """What a step's output must be."""

    kind: Literal["text", "json", "schema", "enum", "regex"] = "text"
    json_schema: dict[str, JSON] | None = None
    enum: tuple[str, ...] = ()
    regex: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_file(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            return _output_word(value)
        if isinstance(value, dict):
            return _output_map(value, info)
        return value


TEXT_OUTPUT = OutputSpec.model_construct(kind="text")


def _output_word(word: str) -> dict[str, Any]:
    if word not in ("text", "json"):
        raise ValueError(f"'{word}' is no output; say text, json, or a map of schema, enum or regex")
    return {"kind": word}


def _output_map(value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    if len(value) != 1 or next(iter(value)) not in ("schema", "enum", "regex"):
        raise ValueError("an output has one of the keys schema, enum, regex")
    ((kind, given),) = value.items()
    if kind == "schema":
        return {"kind": kind, "json_schema": resolver(info).json_schema(given)}
    if kind == "enum":
        return {"kind": kind, "enum": _enum_words(given)}
    return {"kind": kind, "regex": _pattern(given)}


def _enum_words(given: object) -> tuple[str, ...]:
    if not isinstance(given, list) or not given:
        raise ValueError("enum needs a list of words")
    for word in given:
        if not isinstance(word, str) or not word.strip():
            raise ValueError(f"enum: {word!r} is not text; quote it")
    words = tuple(word.strip() for word in given)
    if len(set(words)) < len(words):
        raise ValueError("enum names a word twice")
    return words


def _pattern(given: object) -> str:
    from promptlab.core.patterns import compiled  # noqa: PLC0415

    if not isinstance(given, str):
        raise ValueError("regex needs text; quote it")  # noqa: TRY004
    compiled(given)
    return given


class PipelineSpec(Frozen):
    """One cell of a pipeline: its file with a variant and a point of the matrix laid over it."""

    version: Literal[1]
    name: str = Field(default="", max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]*$|^$")
    description: str = ""
    inputs: dict[str, InputEntry] | None = None
    dataset: DatasetEntry | list[Any] | None = None
    model: str | None = None
    judge: str | None = None
    params: Params = Params()
    variants: dict[str, JSON] = Field(default_factory=dict)
    matrix: dict[str, JSON] = Field(default_factory=dict)
    repeat: Repeat = Repeat()
    steps: SomeItems[Annotated[Any, *STEP]]
    outputs: dict[str, Templated] | None = None
    checks: Items[Annotated[Any, *CHECK]] = ()
    metrics: Items[Annotated[Any, *METRIC]] = ()
    gates: Items[Gate] = ()
    limits: Limits = Limits()
    tags: Items[str] = ()

    @field_validator("name")
    @classmethod
    def _names_a_folder(cls, name: str) -> str:
        if name.endswith((" ", ".")) or name.partition(".")[0].rstrip().lower() in DEVICES:
            raise ValueError(
                f"{name!r} cannot be a folder on Windows, and recordings lie in one of this name"
            )
        return name

    @field_validator("repeat", mode="before")
    @classmethod
    def _short_repeat(cls, value: object) -> object:
        return {"count": value} if isinstance(value, int) else value

    @field_validator("dataset", mode="before")
    @classmethod
    def _short_dataset(cls, value: object) -> object:
        return {"path": value} if isinstance(value, str) else value
