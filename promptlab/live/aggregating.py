"""Metrics that functions of the project make of all trials of a cell, once these have ended."""

from typing import TYPE_CHECKING

from promptlab.core.json import JSON, plain
from promptlab.engine.function import CallFunction, FunctionError
from promptlab.engine.metrics.python import NoNumbers, PythonMetric
from promptlab.engine.plan import Cell, Plan
from promptlab.live.scores import Scores
from promptlab.reports.trial_line import trial_object
from promptlab.schemas.run import TrialResult, TrialStatus

if TYPE_CHECKING:
    from promptlab.services.run_log import RunLog

ENDED: tuple[TrialStatus, ...] = ("passed", "failed", "errored", "skipped")
MOST_BYTES = 32 * 1024**2  # of the trials of a cell as JSON: they are in memory at once


class _TooLarge(Exception):
    """The trials of a cell are more than a function can be given."""


def needs_trials(plan: Plan) -> bool:
    """Say whether a metric of the plan wants the trials."""
    return any(_wanting(cell) for cell in plan.cells)


async def aggregate(plan: Plan, scores: Scores, log: "RunLog", run_id: str, call: CallFunction) -> None:
    """Give the scores what functions make of the trials that are on record, or why they make nothing."""
    for cell in plan.cells:
        wanting = _wanting(cell)
        if not wanting:
            continue
        try:
            trials = _trials(log, run_id, cell.name)
        except _TooLarge as error:
            for metric in wanting:
                scores.metrics.give(cell.name, {metric.name: None})
                scores.fail(cell.name, metric.name, str(error))
            continue
        for metric in wanting:
            await _add(metric, cell, trials, plan.trials_of(cell), scores, call)


def leave_out(plan: Plan, scores: Scores, reason: str) -> None:
    """Have the scores say why these metrics have no value."""
    for cell in plan.cells:
        for metric in _wanting(cell):
            scores.metrics.give(cell.name, {metric.name: None})
            scores.fail(cell.name, metric.name, reason)


def _wanting(cell: Cell) -> list[PythonMetric]:
    return [metric for metric in cell.spec.metrics if isinstance(metric, PythonMetric)]


async def _add(
    metric: PythonMetric, cell: Cell, trials: list[JSON], planned: int, scores: Scores, call: CallFunction
) -> None:
    try:
        scores.metrics.give(cell.name, await metric.numbers(call, trials, planned))
    except (FunctionError, NoNumbers) as error:
        scores.metrics.give(cell.name, {metric.name: None})
        scores.fail(cell.name, metric.name, str(error))


def _trials(log: "RunLog", run_id: str, cell: str) -> list[JSON]:
    """Give the trials of a cell in the order of rows and repeats. Raises _TooLarge."""
    from promptlab.services.trials import TrialService  # noqa: PLC0415 - `check` has no log

    found: list[JSON] = []
    size = 0
    with log.reading() as session:
        for trial in TrialService(session).of_run(run_id, cell=cell, statuses=ENDED):
            if trial.key.cell != cell:
                continue
            found.append(given := trial_given(trial))
            size += len(plain(given))
            if size > MOST_BYTES:
                raise _TooLarge(f"the trials of '{cell}' are more than {MOST_BYTES // 1024**2} MB as JSON")
    return found


def trial_given(trial: TrialResult) -> dict[str, JSON]:
    """Give a trial as JSONL has it, with all columns of its row, its tags, score and latency."""
    more: dict[str, JSON] = {
        "columns": dict(trial.columns or {}),
        "tags": [*trial.tags],
        "score": trial.score,
        "latency_ms": trial.latency_ms,
    }
    return trial_object(trial) | more
