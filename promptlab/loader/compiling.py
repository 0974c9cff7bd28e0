"""Orders the steps of a cell and gives each its model; what cannot be is a problem at its place."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from graphlib import CycleError
from itertools import pairwise

from promptlab.core.errors import UsageError
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import Cell, CellSpec, Target, compile_cell
from promptlab.engine.step import CompletionStep
from promptlab.engine.targets import Targets
from promptlab.loader.document import Document
from promptlab.loader.problems import Position, Problems
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.template import Place

MOVE_CHECK = "move the check that names another step to the pipeline's `checks`, where `of` may name any step"


class _NoTarget(Exception):
    """A step has no model that can be asked; it was reported."""


def compiled(cell: CellSpec, document: Document, targets: Targets, problems: Problems) -> Cell | None:
    """Give the cell ready to run, or None and problems."""
    try:
        found = compile_cell(cell, _reporting(cell, document, targets, problems))
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        index = _index_of(cell, cycle[0])
        message = f"steps wait for each other: {' → '.join(cycle)}"
        by_check = any(after in cell.for_checks.get(step, ()) for step, after in pairwise(cycle))
        hint = MOVE_CHECK if by_check else "let one of them name or need the other, not both"
        document.report(problems, ("steps", index, "id"), message, code="cycle", hint=hint)
    except _NoTarget:
        pass
    else:
        _check_schemas(found, document, problems)
        return found
    return None


def _check_schemas(cell: Cell, document: Document, problems: Problems) -> None:
    """Report schemas that the models which would be held to them do not take."""
    for index, step in enumerate(cell.spec.steps):
        schema = schema_of(step.parsed_as) if isinstance(step, CompletionStep) else None
        target = next(planned.target for planned in cell.steps if planned.step.id == step.id)
        fault = target.profile.schema_fault(schema) if schema is not None and target is not None else None
        if fault is not None:
            written = ("steps", index, "output", "schema")
            in_place = isinstance(getattr(document.part(written), "value", None), dict)
            place = (*written, *fault.place) if in_place else _place_of_output(index, document)
            hint = "say it in other words, or choose another model"
            document.report(problems, place, fault.message, code="schema", hint=hint)


def _place_of_output(index: int, document: Document) -> tuple[str | int, ...]:
    """Give where a step's output is said: at the step, else in its prompt's front matter."""
    place = ("steps", index, "output")
    return place if document.part(place) is not None else ("steps", index, "prompt")


def _reporting(
    cell: CellSpec, document: Document, targets: Targets, problems: Problems
) -> Callable[[CompletionStep, PipelineSpec], Target]:
    def attempt(place: Place, find_one: Callable[[], Target | None]) -> Target | None:
        try:
            return find_one()
        except UsageError as error:
            if targets.asked is not None:
                problems.add("--model", Position(1, 1), error.message, code="model", hint=error.hint)
            else:
                document.report(problems, place, error.message, code="model", hint=error.hint)
            return None

    def find(step: CompletionStep, spec: PipelineSpec) -> Target:
        index, before = _index_of(cell, step.id), problems.errors
        target = attempt(_place_of_model(index, document), partial(targets, step, spec))
        fallbacks = [
            attempt(("steps", index, "fallback", number), partial(targets.fallback, number, step, spec))
            for number in range(len(step.fallback))
        ]
        if target is None or problems.errors > before:
            raise _NoTarget
        return replace(target, fallbacks=tuple(found for found in fallbacks if found is not None))

    return find


def _place_of_model(index: int, document: Document) -> Place:
    """Give where a step's model is said: at the step, at the pipeline, else in its prompt's front matter."""
    for place in (("steps", index, "model"), ("model",), ("steps", index, "prompt")):
        if document.part(place) is not None:
            return place
    return ("steps", index, "id")


def _index_of(cell: CellSpec, step: str) -> int:
    return next(index for index, written in enumerate(cell.spec.steps) if written.id == step)
