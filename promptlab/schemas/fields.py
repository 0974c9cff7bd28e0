"""Types of fields that need more than Pydantic knows: templates, and things that the loader resolves.

What a pipeline names (kinds of steps and checks, files, functions) is looked up in the validation context,
so that the schemas need to know neither the tables of kinds nor the file system.
"""

from typing import Annotated, Any, Protocol

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from promptlab.core.json import JSON
from promptlab.schemas.template import Template, TemplatedValue, TemplateKind

KIND = "x-kind"  # in a JSON Schema: here stands a step, check or metric of any kind
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]{0,63}$"


class Resolver(Protocol):
    """What validation may ask of the loader; each raises ValueError with a message for the user."""

    def step(self, source: JSON, info: ValidationInfo) -> Any: ...
    def check(self, source: JSON, info: ValidationInfo) -> Any: ...
    def metric(self, source: JSON, info: ValidationInfo) -> Any: ...
    def prompt(self, path: str) -> Any: ...
    def function(self, reference: str) -> Any: ...
    def tool(self, reference: str) -> Any: ...
    def pipeline(self, path: str) -> Any: ...
    def json_schema(self, source: JSON) -> dict[str, JSON]: ...


def resolver(info: ValidationInfo) -> Resolver:
    """Give the loader's resolver; a model validated without one is a bug."""
    context = info.context or {}
    found: Resolver = context["resolver"]
    return found


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, not {type(value).__name__}; quote it")  # noqa: TRY004
    return value


def _template(kind: TemplateKind) -> PlainValidator:
    def validate(value: object, info: ValidationInfo) -> Template:
        return Template(kind, _text(value), info.field_name or kind)

    return PlainValidator(validate)


def _templated(value: Any, info: ValidationInfo) -> TemplatedValue:
    if (info.context or {}).get("literal"):
        return TemplatedValue.literal(value)
    return TemplatedValue.of(value, name=info.field_name or "value")


def _resolved(noun: str) -> PlainValidator:
    def validate(value: Any, info: ValidationInfo) -> Any:
        lookup = getattr(resolver(info), noun)
        return lookup(value, info) if noun in ("step", "check", "metric") else lookup(_text(value))

    return PlainValidator(validate)


type Expression = Annotated[
    Template, _template("expression"), WithJsonSchema({"type": "string", "description": "Jinja, no braces"})
]
type TextTemplate = Annotated[Template, _template("text"), WithJsonSchema({"type": "string"})]
type Templated = Annotated[TemplatedValue, PlainValidator(_templated), WithJsonSchema({})]

STEP = (_resolved("step"), WithJsonSchema({KIND: "Step"}))
CHECK = (_resolved("check"), WithJsonSchema({KIND: "Check"}))
METRIC = (_resolved("metric"), WithJsonSchema({KIND: "Metric"}))
PROMPT = (_resolved("prompt"), WithJsonSchema({"type": "string"}))
PIPELINE = (_resolved("pipeline"), WithJsonSchema({"type": "string"}))
FUNCTION = (_resolved("function"), WithJsonSchema({"type": "string", "pattern": r"\.py:\w+$"}))
TOOL = (_resolved("tool"), WithJsonSchema({"type": "string", "pattern": r"\.py:\w+$"}))
