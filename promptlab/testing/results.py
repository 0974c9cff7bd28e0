"""What running one row gave, as a test looks at it."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from promptlab.core.display import escaped, shortened
from promptlab.core.errors import CannotGoOn, UsageError
from promptlab.core.json import JSON
from promptlab.library import RunReport
from promptlab.schemas.run import StepResult, TrialResult, Verdict
from promptlab.testing.judged import Status, status_of
from promptlab.testing.telling import first_reason, told, told_lacking

LONGEST_REASON = 120


class NotRecorded(UsageError):
    """A replay has no recorded answer; the message says which, and the command that records it."""


class Result:
    """One row, run in one variant.

    `status`: passed, failed, errored or skipped, as the pipeline's `repeat` judges its repeats. `outputs`,
    `steps` and `checks` are those of the first repeat, or of the first that did not pass; `trials` has all.
    """

    def __init__(self, pipeline: str, trials: Sequence[TrialResult], needed: int | None) -> None:
        self.pipeline = pipeline
        self.trials = tuple(trials)
        self.status: Status = status_of(self.trials, needed)

    @property
    def passed(self) -> bool:
        """Whether no check failed and nothing errored; a skipped row has not passed."""
        return self.status == "passed"

    @property
    def outputs(self) -> JSON:
        """The pipeline's `outputs`; where it has none, the output of its last step."""
        return self.shown.outputs

    @property
    def steps(self) -> Mapping[str, StepResult]:
        """The steps by path (`parts[2].part` inside a foreach), each with `status output model error …`."""
        return {step.id: step for step in self.shown.all_steps}

    @property
    def checks(self) -> tuple[Verdict, ...]:
        """What each check said: `step name type status score reason`."""
        return self.shown.all_verdicts

    @cached_property
    def shown(self) -> TrialResult:
        """The trial that is looked at."""
        wrong = (trial for trial in self.trials if trial.status in ("failed", "errored"))
        return next(wrong, self.trials[0]) if not self.passed else self.trials[0]

    def assert_passed(self) -> None:
        """Raise AssertionError with checks, reasons and outputs unless it passed."""
        __tracebackhide__ = True
        if not self.passed:
            raise AssertionError(str(self))

    def __repr__(self) -> str:
        key = self.shown.key
        reason = shortened(first_reason(self.trials), LONGEST_REASON)
        about = f"{self.pipeline} row {key.row_id} {key.cell}: {self.status}"
        return f"<{escaped(about)}{f': {reason}' if reason and not self.passed else ''}>"

    def __str__(self) -> str:
        return "\n".join(filter(None, (repr(self) if self.passed else self._head(), self._told())))

    def _head(self) -> str:
        return escaped(f"{self.pipeline}: {self.status}")

    def _told(self) -> str:
        return "" if self.passed else told(self.trials)


def result_of(report: RunReport, path: str, needed: int | None) -> Result:
    """Give the result of a run of one row in one cell; raises where it did not come to its end."""
    summary = report.summary
    if summary.unrecorded:
        message, *hints = told_lacking(summary, path, "", "").split("\n")
        raise NotRecorded(
            f"{path}: {message}\n{'\n'.join(hints)}".replace("--promptlab-mode live", 'mode="live"')
        )
    if summary.stopped:
        raise CannotGoOn(f"{path}: {escaped(summary.stopped)}")
    return Result(summary.pipeline, list(report.trials()), needed)
