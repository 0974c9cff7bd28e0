"""One trial: its steps, then its outputs and its own checks."""

from collections.abc import Iterable

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.judging import judge_outputs
from promptlab.engine.machinery import Machinery
from promptlab.engine.outputs import outputs_of
from promptlab.engine.plan import Trial
from promptlab.engine.question import NotAsked
from promptlab.engine.step_request import RunStep, StepRequest
from promptlab.engine.together import run_together
from promptlab.schemas.run import StepResult, TrialResult, TrialStatus, Verdict


@frozen
class TrialRunner:
    machinery: Machinery
    run_step: RunStep

    async def run(self, trial: Trial) -> TrialResult:
        spec = trial.cell.spec
        done = await run_together(
            trial.cell.steps, lambda planned, needed: self.run_step(StepRequest(planned, trial, needed))
        )
        steps = tuple(done[step.id] for step in spec.steps)
        if any(step.status == "left" for step in steps):
            return _result(trial, "left", None, steps)
        outputs, error = await outputs_of(spec, trial.row.inputs, done, self.machinery.render)
        try:
            verdicts = await judge_outputs(trial, outputs, done, self.machinery)
        except NotAsked:
            return _result(trial, "left", None, steps)
        status = "errored" if error else trial_status(steps, verdicts)
        return _result(trial, status, outputs, steps, verdicts=verdicts, error=error)


def _result(
    trial: Trial,
    status: TrialStatus,
    outputs: JSON,
    steps: tuple[StepResult, ...],
    *,
    verdicts: tuple[Verdict, ...] = (),
    error: str | None = None,
) -> TrialResult:
    return TrialResult(
        key=trial.key,
        status=status,
        inputs=trial.row.inputs,
        columns=trial.row.columns,
        outputs=outputs,
        steps=steps,
        verdicts=verdicts,
        tags=trial.row.tags,
        error=error,
    )


def trial_status(steps: tuple[StepResult, ...], verdicts: Iterable[Verdict]) -> TrialStatus:
    """Errored if a step or check errored; else failed if a check failed; skipped if all steps were.

    A step inside another makes the trial errored only through that one.
    """
    inner = [verdict for step in steps for one in step.flat for verdict in one.verdicts]
    serious = {verdict.status for verdict in (*inner, *verdicts) if verdict.is_serious}
    if "errored" in serious or any(step.status == "errored" for step in steps):
        return "errored"
    if "failed" in serious:
        return "failed"
    return "skipped" if all(step.status == "skipped" for step in steps) else "passed"
