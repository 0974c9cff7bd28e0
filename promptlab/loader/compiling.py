"""Orders the steps of a cell and gives each its model; what cannot be is a problem at its place."""

from itertools import pairwise

from promptlab.core.errors import UsageError
from promptlab.engine.compiling import NoJudge, NoTargets, StepCycle, compile_cell
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.parsing import schema_of
from promptlab.engine.plan import Cell, CellSpec, NoModel, PlannedStep
from promptlab.engine.targets import RefusedParams, Targets
from promptlab.loader.document import Document
from promptlab.loader.links import Links
from promptlab.loader.problems import Position, Problems
from promptlab.schemas.template import Place

MOVE_CHECK = "move the check that names another step to the pipeline's `checks`, where `of` may name any step"
NO_MODEL = "no-model"

type Told = tuple[str, str, int | None, str]
type Written = tuple[Document, Place]


def compiled(
    cell: CellSpec,
    links: Links,
    targets: Targets,
    problems: Problems,
    told: set[Told],
    *,
    rows_ask: bool = False,
) -> Cell | None:
    """Give the cell ready to run, or None and problems. `rows_ask`: checks of rows ask a model to judge.

    `told`: what was said of models in other cells. A fault of a step is told once for all points of an axis.
    """
    try:
        found = compile_cell(cell, targets, targets.fallback, targets.judge, rows_ask=rows_ask)
    except StepCycle as error:
        _report_cycle(error, links, problems)
    except NoTargets as missing:
        for path, number, reason in missing.errors:
            fault = cell.variant, path, number, reason.message
            if fault not in told:
                told.add(fault)
                _report_model(path, number, reason, links, targets, problems)
        for one in missing.judges:
            fault = cell.variant, f"{one.path} {one.place}", None, one.error.message
            if fault not in told:
                told.add(fault)
                _report_judge(one, links, problems)
    else:
        for path, planned in found.paths():
            _check_schema(planned, *links.sites[path], problems)
        return found
    return None


def _report_cycle(error: StepCycle, links: Links, problems: Problems) -> None:
    message = f"steps wait for each other: {' → '.join(error.cycle)}"
    waits = pairwise(error.cycle)
    by_check = any(after in links.for_checks.get(error.within + step, ()) for step, after in waits)
    hint = MOVE_CHECK if by_check else "let one of them name or need the other, not both"
    document, place = links.sites[error.within + error.cycle[0]]
    document.report(problems, (*place, "id"), message, code="cycle", hint=hint)


def _report_model(
    path: str, fallback: int | None, error: UsageError, links: Links, targets: Targets, problems: Problems
) -> None:
    code = NO_MODEL if isinstance(error, NoModel) else "model"
    if targets.asked is not None:
        problems.add("--model", Position(1, 1), error.message, code=code, hint=error.hint)
        return
    if fallback is None:
        document, place = _place_of_fault(error, path, links)
    else:
        document, step = links.sites[path]
        place = (*step, "fallback", fallback)
    document.report(problems, place, error.message, code=code, hint=error.hint)


def _report_judge(missing: NoJudge, links: Links, problems: Problems) -> None:
    document, place = links.sites[missing.path]
    error = missing.error
    below: tuple[str | int, ...] = missing.place or ("dataset",)
    while below and document.part((*place, *below)) is None:
        below = below[:-1]
    code = NO_MODEL if isinstance(error, NoModel) else "model"
    document.report(problems, (*place, *below), error.message, code=code, hint=error.hint)


def _place_of_fault(error: UsageError, path: str, links: Links) -> Written:
    """Give where the parameter is said that the model refuses, else the model.

    Both are said at the step, by its pipeline or by one that calls this; the model also by its prompt.
    """
    names = error.names if isinstance(error, RefusedParams) else ()
    sites = list(links.around_and(path))
    params = [
        (document, (*within, "params", name))
        for document, step in sites
        for within in (step, ())
        for name in names
    ]
    models = [
        (document, place)
        for document, step in sites
        for place in ((*step, "model"), ("model",), (*step, "prompt"))
    ]
    document, step = links.sites[path]
    said = ((one, place) for one, place in (*params, *models) if one.part(place) is not None)
    return next(said, (document, (*step, "id")))


def _check_schema(planned: PlannedStep, document: Document, place: Place, problems: Problems) -> None:
    """Report a schema that a model which would be held to it does not take."""
    step, target = planned.step, planned.target
    schema = schema_of(step.parsed_as) if isinstance(step, CompletionStep) else None
    if schema is None or target is None:
        return
    faults = [fault for one in target.line if (fault := one.profile.schema_fault(schema)) is not None]
    for fault in faults[:1]:
        written = (*place, "output", "schema")
        in_place = isinstance(getattr(document.part(written), "value", None), dict)
        where = (*written, *fault.place) if in_place else _place_of_output(place, document)
        hint = "say it in other words, or choose another model"
        document.report(problems, where, fault.message, code="schema", hint=hint)


def _place_of_output(step: Place, document: Document) -> Place:
    """Give where a step's output is said: at the step, else in its prompt's front matter."""
    place = (*step, "output")
    return place if document.part(place) is not None else (*step, "prompt")
