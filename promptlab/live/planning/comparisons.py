"""What judges are asked of the outputs of all cells, once these are there."""

from collections import defaultdict
from collections.abc import Iterator

from promptlab.engine.metrics.select_best import SelectBest
from promptlab.engine.plan import Cell, Plan
from promptlab.engine.pricing import FREE
from promptlab.schemas.plan import Numbers, StepPlan

ORDERS = 2  # each comparison is asked for in an order and its reverse


def comparisons(plan: Plan) -> Iterator[StepPlan]:
    """Give the calls of each `select-best`: at most so many, as those that were asked before are recalled.

    How long the outputs will be is not known, so neither is what that costs.
    """
    found: dict[str, list[tuple[Cell, SelectBest]]] = defaultdict(list)
    for cell in plan.cells:
        for metric in cell.spec.metrics:
            if isinstance(metric, SelectBest):
                found[metric.name].append((cell, metric))
    for name, cells in found.items():
        cell, metric = cells[0]
        target = cell.judges.of(metric.judge_model)
        times = max(plan.trials_of(one) for one, _ in cells) if len(cells) > 1 else 0
        if target is not None and times:
            yield StepPlan(
                cell=cell.name,
                variant=cell.variant,
                axes=cell.axes,
                step=name,
                model=target.profile.name,
                numbers=Numbers(open=ORDERS * times, is_soft=target.profile.price != FREE),
                basis="assumed",
                judges=True,
            )
