"""Why a trial did not pass, in a line."""

from promptlab.schemas.run import TrialResult, Verdict

NOT_PASSED = ("failed", "errored")


def reason_of(trial: TrialResult) -> str:
    """Say why a trial did not pass: its errors, else its verdicts."""
    errors = [f"{step.id}: {step.error}" for step in trial.steps if step.status == "errored" and step.error]
    verdicts = [
        f"{_called(verdict)}: {verdict.reason}"
        for verdict in trial.all_verdicts
        if verdict.status in NOT_PASSED
    ]
    return "; ".join(errors or ([trial.error] if trial.error else []) or verdicts)


def _called(verdict: Verdict) -> str:
    """Give the name of a check, with its step where that is inside another."""
    return f"{verdict.step}/{verdict.name}" if verdict.step and "." in verdict.step else verdict.name
