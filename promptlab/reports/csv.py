"""CSV: a trial a line, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterator, Sequence

from promptlab.core.json import JSON, as_text
from promptlab.reports.trial_line import rating_object, rounded
from promptlab.schemas.report import RunReport
from promptlab.schemas.run import TrialResult, Verdict

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
KEY_COLUMNS = ("row", "row_id", "cell", "repeat", "status", "score")
LAST_COLUMNS = ("cost_usd", "spent_usd", "latency_ms", "error")


def report(source: RunReport) -> Iterator[str]:
    """Give a header and a line a trial: inputs, steps, outputs, each check's verdict and reason."""
    header = _header(source)
    yield cells_line(header)
    for trial in source.trials():
        values = _values(trial)
        yield cells_line([values.get(column) for column in header])


def cells_line(cells: Sequence[JSON]) -> str:
    """Give a line of cells in which no spreadsheet finds a formula."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([_safe(cell) for cell in cells])
    return buffer.getvalue()


def _header(source: RunReport) -> list[str]:
    """Collect the columns in the order in which they first appear; a pass of its own over the trials."""
    middle: dict[str, None] = {}
    for trial in source.trials():
        middle.update(dict.fromkeys(_middle(trial)))
    return [*KEY_COLUMNS, *middle, *LAST_COLUMNS]


def _values(trial: TrialResult) -> dict[str, JSON]:
    key = trial.key
    return {
        "row": key.row,
        "row_id": key.row_id,
        "cell": key.cell,
        "repeat": key.repeat,
        "status": trial.status,
        "score": trial.score,
        "cost_usd": trial.cost_usd,
        "spent_usd": trial.spent_usd,
        "latency_ms": rounded(trial.latency_ms),
        "error": trial.error or next((step.error for step in trial.steps if step.error), None),
        **_middle(trial),
    }


def _middle(trial: TrialResult) -> dict[str, JSON]:
    values: dict[str, JSON] = {f"input.{name}": value for name, value in trial.inputs.items()}
    values.update({f"step.{step.id}": step.made for step in trial.all_steps})
    outputs = trial.outputs if isinstance(trial.outputs, dict) else {}
    values.update({f"output.{name}": value for name, value in outputs.items()})
    for verdict in trial.all_verdicts:
        values[_column(verdict)] = verdict.status
        values[f"{_column(verdict)}.reason"] = verdict.reason
    if trial.ratings:
        values["ratings"] = [rating_object(rating) for rating in trial.ratings]
    return values


def _column(verdict: Verdict) -> str:
    return ".".join(part for part in ("check", verdict.step, verdict.name) if part)


def _safe(value: JSON) -> str:
    """Give a cell's text; what a spreadsheet would take for a formula gets an apostrophe."""
    if value is None:
        return ""
    raw = as_text(value)
    text = CONTROLS.sub(lambda found: f"\\u{ord(found.group()):04x}", raw)
    return f"'{text}" if isinstance(value, str) and raw.startswith(FORMULA_STARTS) else text
