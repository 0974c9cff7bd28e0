"""What is known of an output before it is there, with what `on_error` puts in its place."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from promptlab.core.json import JSON
from promptlab.engine.step import Step
from promptlab.loader.shapes import Path, words_of
from promptlab.loader.templates import ANY_ELEMENT

if TYPE_CHECKING:
    from promptlab.engine.steps.foreach import ForeachStep
    from promptlab.engine.steps.pipeline import PipelineStep


def words_of_step(step: Step, path: Path) -> tuple[str, ...] | None:
    """Give the words that the value at a path below the output is one of; None where that is not said."""
    words = _words_of_success(step, path)
    if words is None:
        return None
    return (*words, *(found for found in _in_default(step, path) if isinstance(found, str)))


def is_in_default(step: Step, path: Path) -> bool:
    """Whether the output has something at the path where the step errored."""
    return any(True for _ in _in_default(step, path))


def _words_of_success(step: Step, path: Path) -> tuple[str, ...] | None:
    """Give the words without the step's own default; what the last step inside gives may be that one's."""
    if (
        step.output is None
        and step.key == "pipeline"
        and cast("PipelineStep", step).pipeline.spec.outputs is None
    ):
        return words_of_step(step.inner[-1], path)
    if step.output is None and step.key == "foreach" and cast("ForeachStep", step).outputs is None and path:
        return words_of_step(step.inner[-1], path[1:])
    return words_of(step.shape, path)


def _in_default(step: Step, path: Path) -> Iterator[JSON]:
    """Give what a default has at the path; that of a `foreach` stands for an item of its list."""
    if isinstance(step.on_error, str) or not (step.may_be_excused or path):
        return iter(())
    return _below(step.on_error.default, path if step.may_be_excused else path[1:])


def _below(value: JSON, path: Path) -> Iterator[JSON]:
    if not path:
        yield value
        return
    for inner in _at(value, path[0]):
        yield from _below(inner, path[1:])


def _at(value: JSON, part: str | int) -> Iterator[JSON]:
    if isinstance(value, dict) and part in value:
        yield value[str(part)]
    elif isinstance(value, list) and part == ANY_ELEMENT:
        yield from value
    elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
        yield value[part]
