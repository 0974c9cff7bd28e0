"""Which metrics beside the built-in ones a table shows, in which words; classification reports as rows."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from promptlab.core.frozen import frozen
from promptlab.core.words import duration, percent
from promptlab.schemas.metrics import BUILT_IN_METRICS, CLASS_PARTS, FLAKY_RATE, PASS_POWER, PERCENTILE
from promptlab.schemas.report import RunSummary

MOST_CLASSES_ACROSS = 12
LATENCY = "latency_ms"
SECOND = 1000

type Kind = Literal["rate", "number", "time"]
type Interval = Mapping[str, float]


@frozen
class ShownMetric:
    name: str
    label: str
    kind: Kind

    def text(self, value: float | None, interval: Interval | None = None) -> str:
        """Give a value, with its interval if there is one: `90.0 % (85.6-93.2)` with a longer dash."""
        match self.kind:
            case "rate":
                return rate_text(value, interval)
            case "time":
                return time_text(value)
            case "number":
                return number_text(value, interval)


def shown_metrics(summary: RunSummary) -> list[ShownMetric]:
    """Give the metrics that a table shows beside the built-in ones, in their order."""
    own = {name: kept["type"] for cell in summary.measured.detail.values() for name, kept in cell.items()}
    names = dict.fromkeys(name for values in summary.cells.values() for name in values)
    found = (_shown(name, own) for name in names if name not in BUILT_IN_METRICS)
    return [one for one in found if one is not None]


def _shown(name: str, own: Mapping[str, str]) -> ShownMetric | None:
    above, _, below = name.partition(".")
    kind = own.get(name, own.get(above))
    if kind == "classification":
        return ShownMetric(name, name, "number") if below in ("", "accuracy") else None
    percentile = PERCENTILE.fullmatch(name)
    if kind is not None or percentile is not None:
        is_time = percentile is not None and percentile[1] == LATENCY
        return ShownMetric(name, name, "time" if is_time else "number")
    if PASS_POWER.fullmatch(name):
        return ShownMetric(name, name, "rate")
    if name == FLAKY_RATE:
        return ShownMetric(name, "flaky rows", "rate")
    return ShownMetric(name, f"mean {name}", "number")


def rate_text(value: float | None, interval: Interval | None = None) -> str:
    if value is None or interval is None:
        return percent(value)
    return f"{percent(value)} ({interval['low'] * 100:.1f}–{interval['high'] * 100:.1f})"


def number_text(value: float | None, interval: Interval | None = None) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" + (f" ({interval['low']:.3f}–{interval['high']:.3f})" if interval else "")


def time_text(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds:.0f} ms" if milliseconds < SECOND else duration(milliseconds / SECOND)


@frozen
class ClassTable:
    """A confusion matrix with the classification report beside it; of many classes the report alone."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def class_tables(summary: RunSummary) -> Iterator[ClassTable]:
    """Give the tables of all classifications, cell by cell."""
    for cell, metrics in summary.measured.detail.items():
        for name, detail in metrics.items():
            if detail.get("classes"):
                yield _class_table(f"{name} in {cell}", detail)


def _class_table(where: str, detail: Mapping[str, Any]) -> ClassTable:
    classes, matrix = detail["classes"], detail["matrix"]
    across = matrix["actual"] if len(matrix["actual"]) <= MOST_CLASSES_ACROSS else []
    counts = dict(zip(matrix["expected"], matrix["counts"], strict=True))
    rows = tuple(
        (
            name,
            *(str(count) for count in counts.get(name, [0] * len(across))[: len(across)]),
            str(said["support"]),
            *(f"{said[part]:.3f}" for part in CLASS_PARTS),
        )
        for name, said in classes.items()
    )
    left_out = f"; {detail['unlabelled']:,} trials without a label left out" if detail["unlabelled"] else ""
    how = "expected down, actual across" if across else "a class a line"
    return ClassTable(f"{where}: {how}{left_out}", ("", *across, "support", *CLASS_PARTS), rows)
