"""What judges are asked of the outputs of all cells, once these are there."""

from collections import defaultdict
from collections.abc import Iterator

from promptlab.core.json import as_text
from promptlab.engine.forecast import Ahead, Request
from promptlab.engine.forecasting_judges import PROMPT_BYTES
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.metrics.select_best import SelectBest
from promptlab.engine.outputs import last_written
from promptlab.engine.plan import Cell, Plan
from promptlab.engine.target import Target
from promptlab.live.planning.counting import Counting
from promptlab.schemas.plan import StepPlan

ORDERS = 2  # each comparison is asked for in an order and its reverse


def comparisons(plan: Plan, counting: Counting) -> Iterator[StepPlan]:
    """Give the calls of each `select-best`: at most so many, as those that were asked before are recalled.

    How long the outputs will be is not known: all are taken to be as long as those of the first cell.
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
            request = _request(target, metric, last_written(cell.spec), len(cells))
            ahead = Ahead(certainty="open", request=request, times=ORDERS * times)
            yield StepPlan(
                cell=cell.name,
                variant=cell.variant,
                axes=cell.axes,
                step=name,
                model=target.profile.name,
                numbers=counting.asked(cell.name, ahead),
                basis="assumed",
                judges=True,
            )


def _request(target: Target, metric: SelectBest, step: str, outputs: int) -> Request:
    """Give a request that shows so many outputs of a step, as far as it is known."""
    size = PROMPT_BYTES + len(as_text(metric.rubric.source).encode("utf-8", "surrogatepass"))
    return Request(
        profile=target.profile,
        ceiling=output_ceiling(target.params, target.profile),
        size=size,
        text=size,
        blanks={step: outputs},
        is_known=False,
        problem=target.problem,
    )
