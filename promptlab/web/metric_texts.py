"""Metrics of runs as pages write them: values, and what became of them from one run to another."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.words import money, percent
from promptlab.schemas.metrics import FLAKY_RATE, PASS_POWER, WORSE_BY_RISING
from promptlab.schemas.pages import MetricPoint
from promptlab.web.texts import milliseconds

WHOLE = "all"  # what the values over all trials are called where there are several cells
RATES = ("pass_rate", "error_rate", FLAKY_RATE)
SMALLEST = 1e-9

type Way = Literal["better", "worse", "same"]


@frozen
class Moved:
    """What became of a metric in one cell; texts. `way` None: a side has no value."""

    before: str
    after: str
    change: str
    way: Way | None


@frozen
class MovedMetric:
    name: str
    cells: Mapping[str, Moved]


def value_text(metric: str, value: float | None) -> str:
    """Give a value in its unit."""
    name = metric.partition(".")[0]
    if value is None:
        return "–"
    if name in RATES or PASS_POWER.fullmatch(metric):
        return percent(value)
    if name.endswith("_usd"):
        return money(value)
    return milliseconds(value) if name == "latency_ms" else f"{value:.3f}"


def value_of(point: MetricPoint, cell: str, metric: str) -> float | None:
    """Give a value of a run; `cell` may be WHOLE."""
    return (point.values if cell == WHOLE else point.cells.get(cell, {})).get(metric)


def moved_metrics(
    before: MetricPoint, after: MetricPoint, metrics: Sequence[str], cells: Sequence[str]
) -> Iterator[MovedMetric]:
    """Give each metric that either run has, with what became of it in each cell."""
    for metric in metrics:
        values = {cell: (value_of(before, cell, metric), value_of(after, cell, metric)) for cell in cells}
        if any(value is not None for pair in values.values() for value in pair):
            yield MovedMetric(metric, {cell: _moved(metric, *pair) for cell, pair in values.items()})


def _moved(metric: str, before: float | None, after: float | None) -> Moved:
    texts = value_text(metric, before), value_text(metric, after)
    if before is None or after is None:
        return Moved(*texts, "", None)
    rise = after - before
    if abs(rise) < SMALLEST:
        return Moved(*texts, "±0", "same")
    name = metric.partition(".")[0]
    is_worse = (rise > 0) == (name in WORSE_BY_RISING or name.endswith("_usd"))
    size = value_text(metric, abs(rise)).replace(" %", " pp")  # of a share, percentage points
    return Moved(*texts, f"{'+' if rise > 0 else '−'}{size}", "worse" if is_worse else "better")
