"""The table of a run's result: a column for each cell, or a row where there are many cells."""

from collections.abc import Callable, Iterator, Mapping

from promptlab.cli.tables import Grid, Styled
from promptlab.core.words import money, percent
from promptlab.reports.shown_metrics import ShownMetric, rate_text, shown_metrics, time_text
from promptlab.schemas.report import RunSummary

MOST_COLUMNS = 6
MOST_WITH_INTERVALS = 3
FULL, NONE = 1.0, 0.0

type Line = tuple[str, list[Styled]]


def result_grid(summary: RunSummary) -> Grid:
    """Give the table; its lines are pass rate, each check, each metric of checks, cost and latency."""
    cells = list(summary.cells)
    lines = list(_lines(summary))
    if len(cells) > MOST_COLUMNS:
        header = ["", *(name for name, _ in lines)]
        rows = [_row(cell, [values[index] for _, values in lines]) for index, cell in enumerate(cells)]
        return _grid(summary, header, rows)
    return _grid(summary, ["", *cells], [_row(name, values) for name, values in lines])


def _row(name: str, values: list[Styled]) -> list[Styled | str]:
    return [name, *values]


def _grid(summary: RunSummary, header: list[str], rows: list[list[Styled | str]]) -> Grid:
    return Grid(header=header, rows=rows, title=summary.pipeline, right=frozenset(range(1, len(header))))


def _lines(summary: RunSummary) -> Iterator[Line]:
    cells, checks = summary.cells, summary.checks
    few = len(cells) <= MOST_WITH_INTERVALS
    yield "pass rate", [_pass_rate(summary, cell, few=few) for cell in cells]
    for check in dict.fromkeys(name for cell in cells for name in checks.get(cell, {})):
        yield check, [_rate(checks.get(cell, {}).get(check)) for cell in cells]
    for metric in shown_metrics(summary):
        yield metric.label, [_shown(summary, cell, metric, few=few) for cell in cells]
    yield _metric(summary, "cost", "cost_usd", _money)
    yield _metric(summary, "latency", "latency_ms", _time)


def _metric(summary: RunSummary, name: str, metric: str, show: Callable[[float | None], Styled]) -> Line:
    return name, [show(values.get(metric)) for values in summary.cells.values()]


def _pass_rate(summary: RunSummary, cell: str, *, few: bool) -> Styled:
    rate = summary.cells[cell].get("pass_rate")
    return Styled(rate_text(rate, _interval(summary, cell, "pass_rate", few=few)), _rate(rate).style)


def _shown(summary: RunSummary, cell: str, metric: ShownMetric, *, few: bool) -> Styled:
    value = summary.cells[cell].get(metric.name)
    return Styled(metric.text(value, _interval(summary, cell, metric.name, few=few)))


def _interval(summary: RunSummary, cell: str, metric: str, *, few: bool) -> Mapping[str, float] | None:
    return summary.measured.cell_intervals.get(cell, {}).get(metric) if few else None


def _rate(share: float | None) -> Styled:
    style = "" if share is None else "green" if share == FULL else "red" if share == NONE else "yellow"
    return Styled(percent(share), style)


def _money(usd: float | None) -> Styled:
    return Styled("unknown" if usd is None else money(usd))


def _time(milliseconds: float | None) -> Styled:
    return Styled(time_text(milliseconds))
