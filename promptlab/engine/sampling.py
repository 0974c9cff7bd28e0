"""What a finished trial says for metrics over all trials; the same of one that is read from the log."""

from collections.abc import Iterable

from promptlab.engine.metric import Metric
from promptlab.engine.metrics.classification import Classification
from promptlab.engine.scope import Names, Render
from promptlab.engine.trace import traced_names
from promptlab.schemas.run import Sample, TrialResult

COUNTED = ("passed", "failed", "errored")


async def samples_of(metrics: Iterable[Metric], trial: TrialResult, render: Render) -> dict[str, Sample]:
    """Give expected and actual class by the metric; nothing of a trial that was skipped or left."""
    wanted = [metric for metric in metrics if isinstance(metric, Classification)]
    if not wanted or trial.status not in COUNTED:
        return {}
    names, errored = _names(trial), trial.status == "errored"
    return {metric.name: await metric.sample(names, render, errored=errored) for metric in wanted}


def _names(trial: TrialResult) -> Names:
    row = trial.columns or {}
    values = {**row, **trial.inputs, "row": dict(row), "output": trial.outputs}
    return Names(values, {step.id: traced_names(step) for step in trial.steps})
