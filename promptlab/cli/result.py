"""What a run shows at its end: a table with a column for each cell, its gates, and what did not pass."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from promptlab.core.display import escaped
from promptlab.core.json import as_text
from promptlab.core.words import duration, money, percent, plural
from promptlab.schemas.events import Event, TrialFinished
from promptlab.schemas.report import GateResult, RunSummary
from promptlab.schemas.run import TrialResult

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SHOWN = 5
SHOWN_TEXT = 60
FULL, NONE = 1.0, 0.0
MARKS = {"passed": ("✓", "green"), "failed": ("✗", "red"), "inconclusive": ("?", "yellow")}
OWN_ROWS = (
    "pass_rate",
    "error_rate",
    "score",
    "cost_usd",
    "spent_usd",
    "latency_ms",
    "latency_ms.p50",
    "latency_ms.p95",
)


@dataclass(slots=True)
class Failures:
    """Listens to a run and keeps the first trials that did not pass."""

    first: list[TrialResult] = field(default_factory=list)
    checked: bool = False

    def __call__(self, event: Event) -> None:
        if not isinstance(event, TrialFinished):
            return
        self.checked = self.checked or bool(event.result.all_verdicts)
        if event.result.status in ("failed", "errored") and len(self.first) < SHOWN:
            self.first.append(event.result)


def show_result(console: "Console", summary: RunSummary, failures: Failures) -> None:
    """Print the result of a run for people."""
    if summary.cells:
        console.print(_table(summary))
    for gate in summary.gates:
        _show_gate(console, gate)
    if summary.exit_code and failures.first:
        _show_failures(console, failures)
    if not failures.checked:
        console.print("nothing was checked: no step of this run has checks", style="yellow")
    _show_end(console, summary)


def _table(summary: RunSummary) -> "Table":
    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    table = Table(
        title=escaped(summary.pipeline), box=box.SIMPLE_HEAD, title_justify="left", title_style="bold"
    )
    table.add_column("")
    for cell in summary.cells:
        table.add_column(escaped(cell), justify="right")
    cells = list(summary.cells)
    table.add_row("pass rate", *(_rate(summary.cells[cell].get("pass_rate")) for cell in cells), style="bold")
    for check in dict.fromkeys(name for cell in cells for name in summary.checks.get(cell, {})):
        table.add_row(escaped(check), *(_rate(summary.checks.get(cell, {}).get(check)) for cell in cells))
    for metric in dict.fromkeys(
        name for cell in cells for name in summary.cells[cell] if name not in OWN_ROWS
    ):
        table.add_row(
            f"mean {escaped(metric)}", *(_number(summary.cells[cell].get(metric)) for cell in cells)
        )
    table.add_row("cost", *(money(summary.cells[cell].get("cost_usd")) for cell in cells))
    table.add_row("latency", *(_time(summary.cells[cell].get("latency_ms")) for cell in cells))
    return table


def _rate(share: float | None) -> str:
    if share is None:
        return "–"
    style = "green" if share == FULL else "red" if share == NONE else "yellow"
    return f"[{style}]{percent(share)}[/]"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "–"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else duration(milliseconds / 1000)  # noqa: PLR2004


def _show_gate(console: "Console", gate: GateResult) -> None:
    mark, style = MARKS[gate.status]
    if gate.status == "failed" and gate.severity == "warn":
        mark, style = "!", "yellow"
    bounds = " and ".join(
        f"{word} {bound:g}"
        for word, bound in (("at least", gate.min), ("at most", gate.max))
        if bound is not None
    )
    line = f"{mark} gate: {gate.metric} {bounds} in {gate.cell}: {gate.reason}"
    console.print(escaped(line), style=style, markup=False, soft_wrap=True)


def _show_failures(console: "Console", failures: Failures) -> None:
    console.print(f"The first {len(failures.first)} that did not pass:", style="bold")
    for trial in failures.first:
        where = f"row {trial.key.row} ({trial.key.row_id}) {trial.key.cell}"
        what = _short(as_text(trial.outputs)) if trial.outputs is not None else "no output"
        console.print(escaped(f"  {where}: {what}: {_reason(trial)}"), markup=False, soft_wrap=True)


def _reason(trial: TrialResult) -> str:
    errors = [f"{step.id}: {step.error}" for step in trial.steps if step.status == "errored" and step.error]
    verdicts = [
        f"{verdict.name}: {verdict.reason}"
        for verdict in trial.all_verdicts
        if verdict.status in ("failed", "errored")
    ]
    return "; ".join(errors or ([trial.error] if trial.error else []) or verdicts)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= SHOWN_TEXT else f"{line[:SHOWN_TEXT]}…")


def _show_end(console: "Console", summary: RunSummary) -> None:
    counts = summary.trials
    done = ", ".join(
        f"{counts[name]:,} {name}" for name in ("passed", "failed", "errored", "skipped") if counts.get(name)
    )
    calls = summary.calls
    bought = f"{plural(calls.sent, 'call')}, {calls.recalled:,} recalled, spent {money(summary.spent_usd)}"
    line = f"{done or 'no trial ended'} · {bought} · {duration(summary.seconds)} · run {summary.run_id}"
    console.print(line, markup=False, soft_wrap=True)
    if summary.is_soft:
        soft = "the limit is soft: a model has no known ceiling of output tokens; say params.max_tokens"
        console.print(soft, style="yellow", markup=False, soft_wrap=True)
    left = summary.planned - sum(counts.values())
    if summary.stopped:
        console.print(f"stopped: {summary.stopped}", style="yellow", markup=False, soft_wrap=True)
    if left > 0:
        advice = "the same command goes on: what was answered is recalled"
        console.print(f"{plural(left, 'trial')} left; {advice}", style="yellow", markup=False)
    if summary.unknown:
        risk = (
            f"{plural(summary.unknown, 'attempt')} of unknown outcome, at most {money(summary.unknown_usd)}"
        )
        console.print(risk, style="yellow", markup=False)
