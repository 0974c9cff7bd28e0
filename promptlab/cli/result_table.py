"""The table of a run's result: a column for each cell, or a row where there are many cells."""

from collections.abc import Callable, Iterator

from promptlab.cli.tables import Grid, Styled
from promptlab.core.words import duration, money, percent
from promptlab.schemas.metrics import BUILT_IN_METRICS
from promptlab.schemas.report import RunSummary

MOST_COLUMNS = 6
SECOND = 1000
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
    yield _metric(summary, "pass rate", "pass_rate", _rate)
    for check in dict.fromkeys(name for cell in cells for name in checks.get(cell, {})):
        yield check, [_rate(checks.get(cell, {}).get(check)) for cell in cells]
    for metric in dict.fromkeys(name for values in cells.values() for name in values):
        if metric not in BUILT_IN_METRICS:
            yield _metric(summary, f"mean {metric}", metric, _number)
    yield _metric(summary, "cost", "cost_usd", _money)
    yield _metric(summary, "latency", "latency_ms", _time)


def _metric(summary: RunSummary, name: str, metric: str, show: Callable[[float | None], Styled]) -> Line:
    return name, [show(values.get(metric)) for values in summary.cells.values()]


def _rate(share: float | None) -> Styled:
    style = "" if share is None else "green" if share == FULL else "red" if share == NONE else "yellow"
    return Styled(percent(share), style)


def _number(value: float | None) -> Styled:
    return Styled("–" if value is None else f"{value:.3f}")


def _money(usd: float | None) -> Styled:
    return Styled("unknown" if usd is None else money(usd))


def _time(milliseconds: float | None) -> Styled:
    if milliseconds is None:
        return Styled("–")
    short = milliseconds < SECOND
    return Styled(f"{milliseconds:.0f} ms" if short else duration(milliseconds / SECOND))
