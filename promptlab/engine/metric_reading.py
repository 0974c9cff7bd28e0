"""From what a file says of a metric to the metric."""

from collections.abc import Mapping
from typing import Any

from promptlab.core.json import JSON
from promptlab.core.suggest import did_you_mean
from promptlab.engine.catalog import METRICS
from promptlab.engine.metric import Metric
from promptlab.schemas.refusal import Refusal

FORMS = "write {name: …} with `classification: {expected: …, actual: …}`, `python: …` or `value: …`"


def read_metric(source: JSON, context: Mapping[str, Any] | None = None) -> Metric:
    """Read a metric. Raises ValueError or ValidationError, which Pydantic nests with its places."""
    if not isinstance(source, dict):
        raise Refusal("a metric is a map", hint=FORMS, code="metric")
    kinds = METRICS.among(source)
    if len(kinds) == 1:
        return METRICS.get(kinds[0]).model_validate(source, context=dict(context or {}))
    if kinds:
        raise Refusal(f"a metric is of one kind, but this one has {' and '.join(kinds)}", code="metric")
    unknown = next((key for key in source if key != "name"), None)
    if unknown is None:
        raise Refusal("nothing says what the metric is made of", hint=FORMS, code="metric")
    hint = did_you_mean(unknown, METRICS.names()) or FORMS
    raise Refusal(f"unknown key '{unknown}'", hint=hint, code="metric", below=[unknown], key=True)
