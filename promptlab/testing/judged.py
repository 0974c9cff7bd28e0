"""How a row did in a cell: its repeats together, as the pipeline's `repeat` says."""

from collections.abc import Sequence
from typing import Literal

from promptlab.schemas.run import TrialResult

type Status = Literal["passed", "failed", "errored", "skipped"]


def status_of(trials: Sequence[TrialResult], needed: int | None) -> Status:
    """Judge the repeats of a row in a cell; `needed`: how many must pass, None: all that were not skipped."""
    judged = [trial for trial in trials if trial.status != "skipped"]
    if not judged:
        return "skipped"
    passed = sum(trial.status == "passed" for trial in judged)
    if passed >= (len(judged) if needed is None else needed):
        return "passed"
    return "errored" if any(trial.status == "errored" for trial in judged) else "failed"
