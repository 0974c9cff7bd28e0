"""HTML: one file that needs no network, with rows × cells, metrics, gates and filters."""

from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined

from promptlab.core.words import duration, money, percent, plural, spent
from promptlab.reports.inert import one_line
from promptlab.reports.page_view import LONGEST_LINE, MOST_CELLS, Shown, shown_rows
from promptlab.reports.shown_metrics import class_tables, rate_text, shown_metrics
from promptlab.schemas.report import RunReport, RunSummary

PAGE = "promptlab.reports.page"
PIECES = 200
SHORT = 400
FEW_LINES = 20
MARKS = {"passed": "✓", "failed": "✗", "errored": "!", "skipped": "–", "left": "…", "inconclusive": "?"}


def report(source: RunReport) -> Iterator[str]:
    """Give the page in pieces; at most 3,000 trials are shown, first rows that did not pass."""
    summary = source.summary
    cells = list(summary.cells)[:MOST_CELLS]
    shown = shown_rows(source.trials(), cells)
    style, script = _asset("report.css"), _asset("report.js")
    page = _environment().get_template("report.html.j2")
    stream = page.stream(
        summary=summary,
        cells=cells,
        shown=shown,
        notes=list(_notes(summary, shown)),
        table=list(_table(summary, cells)),
        class_tables=list(class_tables(summary)),
        counts=[(status, count) for status, count in summary.trials.items() if count],
        style=style,
        script=script,
        policy=_policy(style, script),
    )
    stream.enable_buffering(PIECES)
    yield from stream


def _environment() -> Environment:
    made = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        loader=FunctionLoader(_asset),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals |= {"marks": MARKS, "plural": plural, "duration": duration, "spent": spent, "money": money}
    made.globals |= {"percent": percent, "rate_text": rate_text}
    made.globals["scrolls"] = _may_scroll
    made.filters["line"] = lambda text: one_line(str(text), LONGEST_LINE)
    return made


def _may_scroll(text: str) -> bool:
    """Tell whether a text may be too high for its box in the narrowest column, so keys must get at it."""
    return len(text) > SHORT or text.count("\n") > FEW_LINES


def _asset(name: str) -> str:
    return (files(PAGE) / name).read_text("utf-8").strip()


def _policy(style: str, script: str) -> str:
    """Give the content security policy: this style, this script, and nothing else from anywhere."""
    return (
        f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; base-uri 'none'; "
        "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def _notes(summary: RunSummary, shown: Shown) -> Iterator[str]:
    left = summary.planned - sum(summary.trials.values())
    if summary.told_stopped is not None:
        yield f"Stopped: {one_line(summary.told_stopped, LONGEST_LINE)}."
    if left > 0:
        yield f"{plural(left, 'trial')} left: failures in every rate."
    if len(summary.cells) > MOST_CELLS:
        yield f"Only the first {MOST_CELLS} of {len(summary.cells):,} cells are shown."
    if shown.note is not None:
        yield shown.note


def _table(summary: RunSummary, cells: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Give the lines of the table of metrics: what it is, and its text for each cell."""
    values, intervals = summary.cells, summary.measured.cell_intervals
    rates = [
        rate_text(values[cell].get("pass_rate"), intervals.get(cell, {}).get("pass_rate")) for cell in cells
    ]
    yield "pass rate", rates
    for check in dict.fromkeys(name for cell in cells for name in summary.checks.get(cell, {})):
        yield (
            one_line(check, LONGEST_LINE),
            [percent(summary.checks.get(cell, {}).get(check)) for cell in cells],
        )
    for metric in shown_metrics(summary):
        texts = (
            metric.text(values[cell].get(metric.name), intervals.get(cell, {}).get(metric.name))
            for cell in cells
        )
        yield one_line(metric.label, LONGEST_LINE), list(texts)
    yield "cost", [money(values[cell].get("cost_usd")) for cell in cells]
    yield "mean latency", [_milliseconds(values[cell].get("latency_ms")) for cell in cells]


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f} ms"
