"""Holds the metrics of a pipeline to the names that there are."""

from collections.abc import Iterator

from promptlab.core.suggest import did_you_mean
from promptlab.engine.metric import Metric
from promptlab.engine.metrics.derived import DerivedMetric
from promptlab.loader.check_places import CheckPlaces
from promptlab.loader.known_metrics import KnownMetrics, known_metrics
from promptlab.loader.scope import Scope
from promptlab.schemas.metrics import BUILT_IN_METRICS, COUNTS
from promptlab.schemas.pipeline import PipelineSpec

KEY = "metrics"


def check_metrics(spec: PipelineSpec, checks: CheckPlaces, scope: Scope) -> None:
    """Report what is wrong with names, templates and formulas of the metrics of a cell."""
    known = known_metrics([replace_metrics(spec)])
    steps = {step.id: step for step in spec.steps}
    for index, metric in enumerate(spec.metrics):
        place = (KEY, index)
        taken = _taken(metric.name, known, [one.name for one in spec.metrics[:index]])
        if taken is not None:
            message = f"'{metric.name}' is the name of {taken} already"
            checks.templates.report((*place, "name"), message, "name", "choose another name")
        checks.columns(place, metric.templates(), scope, None)
        for message, hint in _of_formula(metric, known):
            checks.templates.report((*place, "value"), message, "metric", hint)
        known.add(metric, steps)


def replace_metrics(spec: PipelineSpec) -> PipelineSpec:
    """Give the pipeline without metrics of its own."""
    return spec.model_copy(update={KEY: ()})


def _taken(name: str, known: KnownMetrics, before: list[str]) -> str | None:
    if name in before:
        return "a metric"
    if name in known.by_check:
        return "a check's metric"
    return "what every run has" if name in {*BUILT_IN_METRICS, *COUNTS} else None


def _of_formula(metric: Metric, known: KnownMetrics) -> Iterator[tuple[str, str]]:
    """Give what a formula names that is not there, or stands below it."""
    for name in metric.formula.names if isinstance(metric, DerivedMetric) else ():
        if name not in known and name not in COUNTS:
            hint = did_you_mean(name, {*known, *COUNTS}) or "a formula names metrics that stand before it"
            yield f"there is no metric '{name}' before this one", hint
