"""Markdown for a job summary or a comment: first the trials that did not pass, then the tables."""

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import islice

from promptlab.core.json import as_text
from promptlab.core.words import duration, money, percent, plural, spent
from promptlab.reports.faults import faults
from promptlab.reports.inert import one_line, visible
from promptlab.reports.shown_metrics import class_tables, rate_text, shown_metrics
from promptlab.schemas.report import GateResult, RunReport, RunSummary
from promptlab.schemas.run import TrialResult

MOST = 65_000  # bytes: GitHub takes 65,536 characters as a comment, and 1 MiB as a summary
MOST_OF_TABLES = 30_000
MOST_OF_GATES = 15_000
SHOWN_TRIALS = 50
SHOWN_FAULTS = 10
SHOWN_NAME = 100
SHOWN_REASON = 200
SHOWN_OUTPUT = 1_000
MARKS = {"passed": "✓", "failed": "✗", "errored": "!", "inconclusive": "?"}
MARKUP = re.compile(
    r"""[&<>"'`*\[\]~|\\$@#]|(?<![a-z0-9])_|_(?![a-z0-9])|:(?=//)|(?<=www)\.""", re.IGNORECASE
)


def report(source: RunReport) -> Iterator[str]:
    """Give headline, gates, up to 50 trials that did not pass, and metrics by cell; 65,000 bytes at most."""
    summary = source.summary
    head = "".join((_headline(summary), *_left(summary), _within(MOST_OF_GATES, _gates(summary.gates))))
    tables = _within(MOST_OF_TABLES, _tables(summary))
    yield head
    yield from _not_passed(source, MOST - _size(head) - _size(tables))
    yield tables


def _headline(summary: RunSummary) -> str:
    trials = ", ".join(f"{count:,} {status}" for status, count in summary.trials.items() if count)
    calls = summary.calls
    return (
        f"## {_code(summary.pipeline)}: {summary.status}\n\n"
        f"{trials or 'no trials'}; {calls.sent:,} calls, {calls.recalled:,} recalled; "
        f"{spent(summary.spent_usd)}, in {duration(summary.seconds)}. Run {_code(summary.run_id)}.\n\n"
    )


def _left(summary: RunSummary) -> Iterator[str]:
    left = summary.planned - sum(summary.trials.values())
    why = [f"Stopped: {_code(summary.told_stopped, SHOWN_REASON)}."] if summary.told_stopped else []
    rest = [f"{plural(left, 'trial')} left: failures in every rate."] if left > 0 else []
    if why or rest:
        yield f"{' '.join([*why, *rest])}\n\n"


def _gates(gates: tuple[GateResult, ...]) -> Iterator[str]:
    order = ("failed", "inconclusive", "passed")
    for gate in sorted(gates, key=lambda gate: order.index(gate.status)):
        where = f" in {_code(gate.cell)}" if gate.cell else ""
        name = f"gate {_code(gate.metric)} {_escaped(gate.bounds)}{where}"
        yield f"- {MARKS[gate.status]} {name}: {_code(gate.reason, SHOWN_REASON)}\n"
    if gates:
        yield "\n"


def _not_passed(source: RunReport, room: int) -> Iterator[str]:
    """Give the first trials that did not pass, each to be opened, as far as there is room."""
    counts = source.summary.trials
    wanted = counts.get("failed", 0) + counts.get("errored", 0)
    found = (trial for trial in source.trials() if trial.status in ("failed", "errored"))
    shown = 0
    for trial in islice(found, SHOWN_TRIALS):
        text = _trial(trial)
        room -= _size(text)
        if room < SHOWN_OUTPUT:  # for the note
            break
        yield text
        shown += 1
    if shown < wanted:
        yield f"Only the first {shown} of {plural(wanted, 'trial')} that did not pass are shown.\n\n"


def _trial(trial: TrialResult) -> str:
    found = list(islice(faults(trial), SHOWN_FAULTS))
    why = f": {_code(found[0].text, SHOWN_REASON)}" if found else ""
    repeat = f", repeat {trial.key.repeat + 1}" if trial.key.repeat else ""
    name = f"{_code(trial.key.row_id)} in {_code(trial.key.cell)}{repeat}"
    output = f"<pre>{_block(as_text(trial.outputs))}</pre>\n\n" if trial.outputs is not None else ""
    lines = "".join(f"- {MARKS[fault.status]} {_code(fault.text, SHOWN_REASON)}\n" for fault in found)
    return (
        f"<details><summary>{MARKS[trial.status]} {name} {trial.status}{why}</summary>\n\n"
        f"{output}{lines}\n</details>\n\n"
    )


def _tables(summary: RunSummary) -> Iterator[str]:
    yield from _cells(summary)
    yield from _classes(summary)
    yield from _slices(summary)


def _cells(summary: RunSummary) -> Iterator[str]:
    cells = list(summary.cells)
    if not cells:
        return
    yield _row(["", *map(_code, cells)])
    yield _row(["---", *("---:" for _ in cells)])
    yield _row(["**pass rate**", *(_pass_rate(summary, cell) for cell in cells)])
    for check in dict.fromkeys(name for cell in cells for name in summary.checks.get(cell, {})):
        rates = (percent(summary.checks.get(cell, {}).get(check)) for cell in cells)
        yield _row([_code(check), *rates])
    for metric in shown_metrics(summary):
        values = (metric.text(summary.cells[cell].get(metric.name)) for cell in cells)
        yield _row([_code(metric.label), *values])
    yield _row(["cost", *(money(summary.cells[cell].get("cost_usd")) for cell in cells)])
    yield "\n"


def _pass_rate(summary: RunSummary, cell: str) -> str:
    interval = summary.measured.cell_intervals.get(cell, {}).get("pass_rate")
    return rate_text(summary.cells[cell].get("pass_rate"), interval)


def _classes(summary: RunSummary) -> Iterator[str]:
    for table in class_tables(summary):
        yield f"**{_code(table.title)}**\n\n"
        yield _row([_code(name) if name else "" for name in table.header])
        yield _row(["---", *("---:" for _ in table.header[1:])])
        yield from (_row([_code(row[0]), *row[1:]]) for row in table.rows)
        yield "\n"


def _slices(summary: RunSummary) -> Iterator[str]:
    if summary.slices is None:
        return
    by = summary.slices
    yield _row([_code(by.by), "cell", "trials", "pass rate", "cost"])
    yield _row(["---", "---", "---:", "---:", "---:"])
    for one in by.slices:
        rate = rate_text(one.metrics.get("pass_rate"), one.intervals.get("pass_rate"))
        cost = money(one.metrics.get("cost_usd"))
        yield _row([_code(one.value), _code(one.cell), f"{one.trials:,}", rate, cost])
    yield "\n"


def _within(room: int, pieces: Iterable[str]) -> str:
    """Join pieces as far as there is room, with a note where there is more."""
    kept: list[str] = []
    for piece in pieces:
        room -= _size(piece)
        if room < 0:
            return "".join((*kept, "\nMore is left out here; the JSON report has all.\n\n"))
        kept.append(piece)
    return "".join(kept)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _code(text: str, limit: int = SHOWN_NAME) -> str:
    """Give foreign text so that it is shown as it is, on a line, in a cell and in HTML alike.

    In `<code>` GitHub looks for no mention, issue or commit; a comment keeps `@` from making an address.
    """
    return f"<code>{_escaped(one_line(text, limit))}</code>"


def _block(text: str) -> str:
    """Give foreign text for between `<pre>` and `</pre>`, where only HTML is markup."""
    return escape(visible(text, SHOWN_OUTPUT))


def _escaped(text: str) -> str:
    return MARKUP.sub(lambda found: f"&#{ord(found.group())};", text).replace("&#64;", "&#64;<!-- -->")


def _size(text: str) -> int:
    return len(text.encode())
