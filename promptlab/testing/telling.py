"""What is told of a row that did not pass: which checks and steps, why, and what they gave."""

from collections.abc import Iterator, Sequence

from promptlab.core.display import escaped, shortened
from promptlab.core.errors import PromptlabError
from promptlab.core.json import JSON, as_text
from promptlab.schemas.report import GateResult, RunSummary, Unrecorded
from promptlab.schemas.run import StepResult, TrialResult, Verdict

MOST_LINES = 20
LONGEST_LINE = 300
NOT_PASSED = ("failed", "errored")


def told(trials: Sequence[TrialResult]) -> str:
    """Tell of the repeats of a row that did not pass."""
    wrong = [trial for trial in trials if trial.status in NOT_PASSED]
    return "\n".join(line for trial in wrong for line in _of_trial(trial, alone=len(trials) == 1))


def first_reason(trials: Sequence[TrialResult]) -> str:
    """Give the first of the reasons in one line; "" where all passed."""
    lines = (line for trial in trials if trial.status in NOT_PASSED for line in _reasons(trial))
    return next(lines, "")


def told_lacking(summary: RunSummary, path: str, row_id: str, cell: str) -> str:
    """Tell what to do about answers that are not recorded, and which of them this row lacks."""
    own = [one for one in summary.unrecorded if _is_of(one, row_id, cell)]
    shown = own or summary.unrecorded
    named = dict.fromkeys(f"{escaped(one.step) or 'a check'} of {escaped(one.model)}" for one in shown)
    return "\n".join(
        (
            f"no answer is recorded for {', '.join(named)}",
            f"record it, with a key: promptlab recordings update {escaped(path)}",
            "and commit recordings/; or call the model: --promptlab-mode live",
        )
    )


def told_error(error: PromptlabError) -> str:
    """Tell of an expected error, and what helps."""
    return escaped(error.message) + (f"\nhint: {escaped(error.hint)}" if error.hint else "")


def told_gate(gate: GateResult) -> str:
    return escaped(f"{gate.metric} {gate.bounds} in {gate.cell}: {gate.status}: {gate.reason}")


def _is_of(one: Unrecorded, row_id: str, cell: str) -> bool:
    return one.trial is not None and (one.trial.row_id, one.trial.cell) == (row_id, cell)


def _of_trial(trial: TrialResult, *, alone: bool) -> Iterator[str]:
    key = trial.key
    yield from _reasons(trial)
    for step in _to_blame(trial):
        yield from _block(f"{step.id} gave", step.made)
    if any(verdict.step is None and verdict.is_serious for verdict in trial.all_verdicts):
        yield from _block("outputs", trial.outputs)
    for name, value in trial.inputs.items():
        yield from _block(f"given {name}", value)
    repeat = "" if alone else f", repeat {key.repeat}"
    yield escaped(f"in row {key.row} ({key.row_id}), {key.cell}{repeat}")


def _reasons(trial: TrialResult) -> Iterator[str]:
    """Say each reason in a line: errors of steps, then verdicts, then the trial's own error."""
    for step in trial.all_steps:
        if step.status == "errored":
            yield _line(f"{step.id} errored: {step.error}")
    for verdict in trial.all_verdicts:
        if verdict.is_serious:
            yield _line(f"{_where(verdict)}{verdict.name} {verdict.status}: {verdict.reason}")
    if trial.error:
        yield _line(trial.error)


def _where(verdict: Verdict) -> str:
    return f"{verdict.step}: " if verdict.step is not None else ""


def _to_blame(trial: TrialResult) -> list[StepResult]:
    return [step for step in trial.all_steps if any(verdict.is_serious for verdict in step.verdicts)]


def _block(name: str, value: JSON) -> Iterator[str]:
    lines = as_text(value).split("\n")
    if len(lines) == 1:
        yield f"  {escaped(name)}: {_line(lines[0])}"
        return
    yield f"  {escaped(name)}:"
    yield from (f"    {_line(line)}" for line in lines[:MOST_LINES])
    if len(lines) > MOST_LINES:
        yield f"    … {len(lines) - MOST_LINES:,} lines more"


def _line(text: str) -> str:
    return escaped(shortened(text, LONGEST_LINE))
