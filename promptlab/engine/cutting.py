"""A cell with one step and what that waits for, without all that comes after it."""

from collections.abc import Iterable

from promptlab.core.frozen import replace
from promptlab.engine.plan import Cell, PlannedStep
from promptlab.engine.target import NO_JUDGES


def up_to(cell: Cell, step: str) -> Cell:
    """Give the cell whose last step is `step`, by its id.

    Where that leaves steps out, the pipeline's outputs and checks are left out too: they may be of those.
    Metrics and gates are of many trials, and are left out in any case.
    """
    kept = _needed(cell.steps, step)
    if len(kept) == len(cell.steps):
        return replace(cell, spec=cell.spec.model_copy(update={"metrics": (), "gates": ()}))
    written = sorted((one for one in cell.spec.steps if one.id in kept), key=lambda one: one.id == step)
    cut = {"steps": tuple(written), "outputs": None, "checks": (), "metrics": (), "gates": ()}
    return replace(
        cell,
        spec=cell.spec.model_copy(update=cut),
        steps=tuple(planned for planned in cell.steps if planned.step.id in kept),
        judges=NO_JUDGES,
    )


def _needed(steps: Iterable[PlannedStep], step: str) -> set[str]:
    needs = {planned.step.id: planned.needs for planned in steps}
    found, waiting = set[str](), [step]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(needs[name])
    return found
