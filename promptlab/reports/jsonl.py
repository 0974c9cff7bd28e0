"""JSONL: a trial a line."""

from collections.abc import Iterator

from promptlab.core.json import plain
from promptlab.reports.trial_line import trial_object
from promptlab.schemas.report import RunReport
from promptlab.schemas.run import TrialResult


def report(source: RunReport) -> Iterator[str]:
    """Give a line for each trial."""
    for trial in source.trials():
        yield line(trial)


def line(trial: TrialResult) -> str:
    """Give the line of one trial, as `run --out` writes it when the trial ends."""
    return f"{plain(trial_object(trial))}\n"
