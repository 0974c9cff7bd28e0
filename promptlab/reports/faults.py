"""What kept a trial from passing, and what it is warned of, in the words of all reports."""

from collections.abc import Iterator
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.schemas.run import TrialResult, Verdict

LEFT = "left for a later run"


@frozen
class Fault:
    """`step`: the path of a step, None for the pipeline; `check`: the name of one, None where none failed."""

    status: Literal["failed", "errored"]
    step: str | None
    check: str | None
    type: str
    reason: str

    @property
    def label(self) -> str:
        """`step/check`, `step`, or `check` of the pipeline."""
        return "/".join(part for part in (self.step, self.check) if part)

    @property
    def text(self) -> str:
        return f"{self.label}: {self.reason}" if self.label else self.reason


def faults(trial: TrialResult) -> Iterator[Fault]:
    """Give what made a trial fail, err or stay undone: its steps' errors, its own, its serious verdicts."""
    said: set[str] = set()
    for step in trial.all_steps:
        if step.error is not None and step.error not in said:
            said.add(step.error)
            yield Fault("errored", step.id, None, step.error_kind or "error", step.error)
    if trial.error is not None and trial.error not in said:
        yield Fault("errored", None, None, "error", trial.error)
    yield from (fault_of(verdict) for verdict in trial.all_verdicts if verdict.is_serious)


def warnings(trial: TrialResult) -> Iterator[Fault]:
    """Give the failed checks that only warn."""
    for verdict in trial.all_verdicts:
        if verdict.severity == "warn" and verdict.status in ("failed", "errored"):
            yield fault_of(verdict)


def fault_of(verdict: Verdict) -> Fault:
    """Give a verdict that is not a pass as a fault."""
    status: Literal["failed", "errored"] = "errored" if verdict.status == "errored" else "failed"
    return Fault(status, verdict.step, verdict.name, verdict.type, verdict.reason)
