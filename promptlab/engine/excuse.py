"""What an error means for the checks inside a step whose `on_error` excuses it."""

from promptlab.core.frozen import replace
from promptlab.schemas.run import StepResult, Verdict


def excused(result: StepResult) -> StepResult:
    """Give a step that is excused: checks inside it that could not judge count for nothing."""
    return replace(
        result,
        verdicts=tuple(map(_excused, result.verdicts)),
        inner=tuple(excused(each) for each in result.inner),
    )


def _excused(verdict: Verdict) -> Verdict:
    return verdict if verdict.status != "errored" else replace(verdict, status="skipped")
