"""Orders the steps of a cell and gives each its model; what cannot be is a problem at its place."""

from itertools import pairwise

from promptlab.engine.compiling import NoTarget, StepCycle, compile_cell
from promptlab.engine.plan import Cell, CellSpec
from promptlab.engine.targets import NoModel, Targets
from promptlab.loader.document import Document
from promptlab.loader.links import Links
from promptlab.loader.problems import Problems
from promptlab.schemas.template import Place

MOVE_CHECK = "move the check that names another step to the pipeline's `checks`, where `of` may name any step"
NO_MODEL = "no-model"


def compiled(cell: CellSpec, links: Links, targets: Targets, problems: Problems) -> Cell | None:
    """Give the cell ready to run, or None and problems."""
    try:
        return compile_cell(cell, targets)
    except StepCycle as error:
        _report_cycle(error, links, problems)
    except NoTarget as missing:
        document, place = links.sites[missing.path]
        said, at = missing.error, _place_of_model(place, document)
        code = NO_MODEL if isinstance(said, NoModel) else "model"
        document.report(problems, at, said.message, code=code, hint=said.hint)
    return None


def _report_cycle(error: StepCycle, links: Links, problems: Problems) -> None:
    message = f"steps wait for each other: {' → '.join(error.cycle)}"
    waits = pairwise(error.cycle)
    by_check = any(after in links.for_checks.get(error.within + step, ()) for step, after in waits)
    hint = MOVE_CHECK if by_check else "let one of them name or need the other, not both"
    document, place = links.sites[error.within + error.cycle[0]]
    document.report(problems, (*place, "id"), message, code="cycle", hint=hint)


def _place_of_model(step: Place, document: Document) -> Place:
    """Give where a step's model is said: at the step, at the pipeline, else in its prompt's front matter."""
    for place in ((*step, "model"), ("model",), (*step, "prompt")):
        if document.part(place) is not None:
            return place
    return (*step, "id")
