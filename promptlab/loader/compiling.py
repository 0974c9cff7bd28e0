"""Orders the steps of a cell and gives each its model; what cannot be is a problem at its place."""

from collections.abc import Callable
from graphlib import CycleError
from itertools import pairwise

from promptlab.core.errors import UsageError
from promptlab.engine.plan import Cell, CellSpec, Target, compile_cell
from promptlab.engine.step import CompletionStep
from promptlab.engine.targets import Targets
from promptlab.loader.document import Document
from promptlab.loader.problems import Position, Problems
from promptlab.schemas.pipeline import PipelineSpec

MOVE_CHECK = "move the check that names another step to the pipeline's `checks`, where `of` may name any step"


class _NoTarget(Exception):
    """A step has no model that can be asked; it was reported."""


def compiled(cell: CellSpec, document: Document, targets: Targets, problems: Problems) -> Cell | None:
    """Give the cell ready to run, or None and problems."""
    try:
        return compile_cell(cell, _reporting(cell, document, targets, problems))
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        index = _index_of(cell, cycle[0])
        message = f"steps wait for each other: {' → '.join(cycle)}"
        by_check = any(after in cell.for_checks.get(step, ()) for step, after in pairwise(cycle))
        hint = MOVE_CHECK if by_check else "let one of them name or need the other, not both"
        document.report(problems, ("steps", index, "id"), message, code="cycle", hint=hint)
    except _NoTarget:
        pass
    return None


def _reporting(
    cell: CellSpec, document: Document, targets: Targets, problems: Problems
) -> Callable[[CompletionStep, PipelineSpec], Target]:
    def find(step: CompletionStep, spec: PipelineSpec) -> Target:
        try:
            return targets(step, spec)
        except UsageError as error:
            if targets.asked is not None:
                problems.add("--model", Position(1, 1), error.message, code="model", hint=error.hint)
            else:
                place = _place_of_model(_index_of(cell, step.id), document)
                document.report(problems, place, error.message, code="model", hint=error.hint)
            raise _NoTarget from None

    return find


def _place_of_model(index: int, document: Document) -> tuple[str | int, ...]:
    """Give where a step's model is said: at the step, at the pipeline, else in its prompt's front matter."""
    for place in (("steps", index, "model"), ("model",), ("steps", index, "prompt")):
        if document.part(place) is not None:
            return place
    return ("steps", index, "id")


def _index_of(cell: CellSpec, step: str) -> int:
    return next(index for index, written in enumerate(cell.spec.steps) if written.id == step)
