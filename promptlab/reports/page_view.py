"""What the HTML report shows of trials: rows with their cells, cut to what a page can bear."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, as_text
from promptlab.core.words import money, plural
from promptlab.reports.faults import LEFT, faults
from promptlab.reports.inert import one_line, visible
from promptlab.reports.shown_metrics import time_text
from promptlab.schemas.run import StepResult, TrialResult, Verdict

MOST_TRIALS = 3_000
MOST_CELLS = 40
MOST_PARTS = 30
LONGEST_LINE = 160
LONGEST_REASON = 500
LONGEST_OUTPUT = 3_000
LONGEST_INPUT = 500
LONGEST_STEP = 1_000


@frozen
class CheckView:
    status: str
    label: str
    reason: str
    is_warning: bool


@frozen
class StepView:
    id: str
    status: str
    facts: str
    output: str


@frozen
class TrialView:
    """A trial as its cell shows it; texts are cut and visible, but not escaped."""

    id: str
    status: str
    repeat: int
    line: str
    facts: str
    output: str
    errors: tuple[str, ...]
    checks: tuple[CheckView, ...]
    steps: tuple[StepView, ...]
    more: int


@frozen
class RowView:
    number: int
    id: str
    inputs: tuple[tuple[str, str], ...]
    trials: Mapping[str, list[TrialView]]

    @property
    def statuses(self) -> str:
        """The statuses of its trials, for the filters."""
        found = {trial.status for trials in self.trials.values() for trial in trials}
        return " ".join(sorted(found))

    @property
    def size(self) -> int:
        return sum(map(len, self.trials.values()))


@frozen
class Shown:
    """The rows that are shown, of all the trials that there are; `cells`: how many columns are."""

    rows: tuple[RowView, ...]
    trials: int
    of: int
    not_passed_left_out: int

    @property
    def note(self) -> str | None:
        """Say what is left out, where anything is."""
        if self.trials == self.of:
            return None
        out = self.not_passed_left_out
        rest = f"; {plural(out, 'trial')} that did not pass left out" if out else ""
        which = f"rows with a trial that did not pass go first{rest}"
        return f"{self.trials:,} of {self.of:,} trials are shown ({which}). JSONL and CSV have all."


def shown_rows(trials: Iterable[TrialResult], cells: Sequence[str], most: int = MOST_TRIALS) -> Shown:
    """Keep the first rows with a trial that did not pass, then others while there is room, in their order."""
    bad, good = _Room(most), _Room(most)
    total = left_out = 0
    wanted = {cell: column for column, cell in enumerate(cells)}
    for _, found in groupby(trials, key=lambda trial: trial.key.row):
        of_row = list(found)
        total += len(of_row)
        failed = sum(trial.status not in ("passed", "skipped") for trial in of_row)
        kept = [trial for trial in of_row if trial.key.cell in wanted][:most]
        fits = (bad if failed else good).take(kept, wanted)
        left_out += failed if not fits else 0
    rows = [*bad.rows, *good.first(most - bad.size)]
    rows.sort(key=lambda row: row.number)
    return Shown(tuple(rows), sum(row.size for row in rows), total, left_out)


class _Room:
    """Rows of one kind, as many as a page may have."""

    def __init__(self, most: int) -> None:
        self.rows: list[RowView] = []
        self.size = 0
        self._most = most

    def take(self, trials: list[TrialResult], columns: Mapping[str, int]) -> bool:
        """Keep a row if there is room for it, and say whether."""
        if not trials or self.size + len(trials) > self._most:
            return False
        self.rows.append(_row(trials, columns))
        self.size += len(trials)
        return True

    def first(self, room: int) -> Iterator[RowView]:
        for row in self.rows:
            room -= row.size
            if room < 0:
                return
            yield row


def _row(trials: list[TrialResult], columns: Mapping[str, int]) -> RowView:
    first = trials[0]
    by_cell: dict[str, list[TrialView]] = {}
    for trial in trials:
        by_cell.setdefault(trial.key.cell, []).append(_trial(trial, columns[trial.key.cell]))
    inputs = [
        (one_line(name, LONGEST_LINE), _text(value, LONGEST_INPUT)) for name, value in first.inputs.items()
    ]
    return RowView(
        first.key.row, one_line(first.key.row_id, LONGEST_LINE), tuple(inputs[:MOST_PARTS]), by_cell
    )


def _trial(trial: TrialResult, column: int) -> TrialView:
    key = trial.key
    errors = [visible(fault.text, LONGEST_REASON) for fault in faults(trial) if fault.check is None]
    verdicts, steps = trial.all_verdicts, trial.all_steps
    output = "" if trial.outputs is None else _text(trial.outputs, LONGEST_OUTPUT)
    return TrialView(
        id=f"t{key.row}-{column}-{key.repeat}",
        status=trial.status,
        repeat=key.repeat,
        line=_line(trial, errors),
        facts=_facts(trial.cost_usd, trial.latency_ms),
        output=output,
        errors=tuple(errors[:MOST_PARTS]),
        checks=tuple(_check(verdict) for verdict in verdicts[:MOST_PARTS]),
        steps=tuple(_step(step, output) for step in steps[:MOST_PARTS]),
        more=max(0, len(verdicts) - MOST_PARTS) + max(0, len(steps) - MOST_PARTS),
    )


def _line(trial: TrialResult, errors: list[str]) -> str:
    """Give what the closed cell says: the output, else why there is none."""
    if trial.outputs is not None:
        return one_line(as_text(trial.outputs), LONGEST_LINE) or "(empty)"
    if errors:
        return one_line(errors[0], LONGEST_LINE)
    return LEFT if trial.status == "left" else "(no output)"


def _check(verdict: Verdict) -> CheckView:
    label = "/".join(part for part in (verdict.step, verdict.name) if part)
    score = f" ({verdict.score:.2f})" if verdict.status != "skipped" and verdict.score not in (0, 1) else ""
    reason = visible(verdict.reason, LONGEST_REASON) + score
    return CheckView(verdict.status, one_line(label, LONGEST_LINE), reason, verdict.severity == "warn")


def _step(step: StepResult, output: str) -> StepView:
    made = "" if step.made is None else _text(step.made, LONGEST_STEP)
    words = [step.model or "", "recalled" if step.recalled else "", _facts(step.cost_usd, step.latency_ms)]
    said = made if made != output[: len(made)] or not made else ""
    facts = " · ".join(one_line(word, LONGEST_LINE) for word in words if word)
    return StepView(one_line(step.id, LONGEST_LINE), step.status, facts, said)


def _facts(cost: float | None, latency: float | None) -> str:
    return f"{money(cost)} · {time_text(latency)}"


def _text(value: JSON, limit: int) -> str:
    return visible(as_text(value), limit)
