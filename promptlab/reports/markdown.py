"""Markdown: a table of cells, and the trials that did not pass."""

import re
from collections.abc import Iterator
from itertools import islice

from promptlab.core.json import as_text
from promptlab.core.words import duration, money, percent, plural, spent
from promptlab.reports.shown_metrics import class_tables, rate_text, shown_metrics
from promptlab.schemas.report import GateResult, RunReport, RunSummary
from promptlab.schemas.run import TrialResult

SHOWN_TRIALS = 50
SHOWN_TEXT = 200
MARKS = {"passed": "✓", "failed": "✗", "errored": "!", "inconclusive": "?"}


def report(source: RunReport) -> Iterator[str]:
    """Give headline, table of metrics and checks by cell, gates, and up to 50 trials that did not pass."""
    summary = source.summary
    yield _headline(summary)
    yield from _left(summary)
    yield from _table(summary)
    yield from _classes(summary)
    yield from _slices(summary)
    yield from _gates(summary.gates)
    yield from _not_passed(source)


def _headline(summary: RunSummary) -> str:
    trials = ", ".join(f"{count:,} {status}" for status, count in summary.trials.items() if count)
    calls = summary.calls
    return (
        f"## {_inert(summary.pipeline)}: {summary.status}\n\n"
        f"{trials or 'no trials'}; {calls.sent:,} calls, {calls.recalled:,} recalled; "
        f"{spent(summary.spent_usd)}, in {duration(summary.seconds)}. Run `{summary.run_id}`.\n\n"
    )


def _left(summary: RunSummary) -> Iterator[str]:
    left = summary.planned - sum(summary.trials.values())
    why = [f"Stopped: {_inert(summary.stopped)}."] if summary.stopped else []
    rest = [f"{plural(left, 'trial')} left: failures in every rate."] if left > 0 else []
    if why or rest:
        yield f"{' '.join([*why, *rest])}\n\n"


def _table(summary: RunSummary) -> Iterator[str]:
    cells = list(summary.cells)
    if not cells:
        return
    yield _row(["", *map(_inert, cells)])
    yield _row(["---", *("---:" for _ in cells)])
    yield _row(["**pass rate**", *(_pass_rate(summary, cell) for cell in cells)])
    for check in dict.fromkeys(name for cell in cells for name in summary.checks.get(cell, {})):
        rates = (percent(summary.checks.get(cell, {}).get(check)) for cell in cells)
        yield _row([_inert(check), *rates])
    for metric in shown_metrics(summary):
        values = (metric.text(summary.cells[cell].get(metric.name)) for cell in cells)
        yield _row([_inert(metric.label), *values])
    yield _row(["cost", *(money(summary.cells[cell].get("cost_usd")) for cell in cells)])
    yield "\n"


def _pass_rate(summary: RunSummary, cell: str) -> str:
    interval = summary.measured.cell_intervals.get(cell, {}).get("pass_rate")
    return rate_text(summary.cells[cell].get("pass_rate"), interval)


def _classes(summary: RunSummary) -> Iterator[str]:
    for table in class_tables(summary):
        yield f"**{_inert(table.title)}**\n\n"
        yield _row([_inert(name) for name in table.header])
        yield _row(["---", *("---:" for _ in table.header[1:])])
        yield from (_row([_inert(row[0]), *row[1:]]) for row in table.rows)
        yield "\n"


def _slices(summary: RunSummary) -> Iterator[str]:
    if summary.slices is None:
        return
    by = summary.slices
    yield _row([_inert(by.by), "cell", "trials", "pass rate", "cost"])
    yield _row(["---", "---", "---:", "---:", "---:"])
    for one in by.slices:
        rate = rate_text(one.metrics.get("pass_rate"), one.intervals.get("pass_rate"))
        cost = money(one.metrics.get("cost_usd"))
        yield _row([_inert(one.value), _inert(one.cell), f"{one.trials:,}", rate, cost])
    yield "\n"


def _gates(gates: tuple[GateResult, ...]) -> Iterator[str]:
    for gate in gates:
        where = f"{_inert(gate.metric)} {gate.bounds} in {_inert(gate.cell)}"
        yield f"- {MARKS[gate.status]} gate {where}: {_inert(gate.reason)}\n"
    if gates:
        yield "\n"


def _not_passed(source: RunReport) -> Iterator[str]:
    wanted = (trial for trial in source.trials() if trial.status in ("failed", "errored"))
    shown = list(islice(wanted, SHOWN_TRIALS + 1))
    if not shown:
        return
    yield _row(["row", "cell", "status", "output", "why"])
    yield _row(["---"] * 5)
    for trial in shown[:SHOWN_TRIALS]:
        yield _row(_trial(trial))
    if len(shown) > SHOWN_TRIALS:
        yield f"\nOnly the first {SHOWN_TRIALS} are shown.\n"


def _trial(trial: TrialResult) -> list[str]:
    reasons = [verdict.reason for verdict in trial.all_verdicts if verdict.status in ("failed", "errored")]
    errors = [step.error for step in trial.steps if step.error]
    why = "; ".join([*errors, *([trial.error] if trial.error else []), *reasons])
    return [
        _inert(trial.key.row_id),
        _inert(trial.key.cell),
        trial.status,
        _inert(as_text(trial.outputs)),
        _inert(why),
    ]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _inert(text: str) -> str:
    """Give text that Markdown shows as it is: no markup, no links, no line breaks, of bounded length."""
    short = text if len(text) <= SHOWN_TEXT else f"{text[:SHOWN_TEXT]}…"
    printable = "".join(c if c.isprintable() else " " for c in short)
    escaped = re.sub(r"([\\`*_{}\[\]<>()#+!|~@:&-])", r"\\\1", printable)
    return escaped.replace("www.", "www\\.")
