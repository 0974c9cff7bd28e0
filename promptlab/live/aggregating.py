"""Metrics that functions of the project make of all trials of a cell, once these have ended."""

from promptlab.core.json import JSON
from promptlab.engine.function import CallFunction, FunctionError
from promptlab.engine.metrics.python import NoNumbers, PythonMetric
from promptlab.engine.plan import Cell, Plan
from promptlab.live.gathered import Given, TooLarge
from promptlab.live.scores import Scores


def wanting_trials(plan: Plan) -> list[str]:
    """Give the cells of which a metric wants the trials."""
    return [cell.name for cell in plan.cells if _wanting(cell)]


async def aggregate(plan: Plan, scores: Scores, given: Given, call: CallFunction) -> None:
    """Give the scores what functions make of the trials that are given, or why they make nothing."""
    for cell in plan.cells:
        wanting = _wanting(cell)
        if not wanting:
            continue
        try:
            trials = given(cell.name)
        except TooLarge as error:
            for metric in wanting:
                _fail(metric, cell, scores, error)
            continue
        for metric in wanting:
            await _add(metric, cell, trials, plan.trials_of(cell), scores, call)


def _wanting(cell: Cell) -> list[PythonMetric]:
    return [metric for metric in cell.spec.metrics if isinstance(metric, PythonMetric)]


async def _add(
    metric: PythonMetric, cell: Cell, trials: list[JSON], planned: int, scores: Scores, call: CallFunction
) -> None:
    try:
        scores.metrics.give(cell.name, await metric.numbers(call, trials, planned))
    except (FunctionError, NoNumbers) as error:
        _fail(metric, cell, scores, error)


def _fail(metric: PythonMetric, cell: Cell, scores: Scores, error: Exception) -> None:
    scores.metrics.give(cell.name, {metric.name: None})
    scores.fail(cell.name, metric.name, str(error))
