"""Values that stand for answers that are not there, so that what hangs on them can be measured."""

from collections.abc import Iterable, Mapping

from promptlab.core.frozen import replace
from promptlab.core.json import JSON
from promptlab.engine.step import Step
from promptlab.schemas.pipeline import OutputSpec
from promptlab.schemas.run import StepResult

FIRST_MARK = 0xE000  # characters for private use: no text has them
DEEPEST = 8


def mark_of(position: int) -> str:
    """Give the character that stands for the answer of the step at this position."""
    return chr(FIRST_MARK + position)


def pretended(result: StepResult, step: Step, mark: str) -> StepResult:
    """Give the result as if the step had made something: the mark, wherever text would be."""
    answer = {"role": "assistant", "content": mark}
    return replace(result, status="passed", output=_value(step.shape, mark), messages=(answer,))


def counted(texts: Iterable[str], marks: Mapping[str, str]) -> dict[str, int]:
    """Give how often the mark of each step stands in the texts."""
    whole = "".join(texts)
    return {step: times for step, mark in marks.items() if (times := whole.count(mark))}


def _value(spec: OutputSpec | None, mark: str) -> JSON:
    if spec is None or spec.json_schema is None:
        return mark
    return _instance(spec.json_schema, mark, DEEPEST)


def _instance(schema: object, mark: str, depth: int) -> JSON:
    """Give a value of about the shape that a JSON Schema describes."""
    if not isinstance(schema, Mapping) or depth == 0:
        return mark
    match schema.get("type"):
        case "object":
            properties: Mapping[str, object] = schema.get("properties", {})
            return {name: _instance(inner, mark, depth - 1) for name, inner in properties.items()}
        case "array":
            return [_instance(schema.get("items"), mark, depth - 1)]
        case "integer" | "number":
            return 0
        case "boolean":
            return True
        case _:
            return mark
