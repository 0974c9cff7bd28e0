"""From the checks of a step, a pipeline and a row to verdicts."""

from collections.abc import Mapping, Sequence

from promptlab.core.json import JSON
from promptlab.engine.check import Check, Evidence
from promptlab.engine.check_reading import row_checks
from promptlab.engine.machinery import Machinery
from promptlab.engine.plan import Trial
from promptlab.engine.ruling import NamedCheck, Ruling, named, rule_at
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import MISSING, StepResult, Verdict, _Missing


async def judge(checks: Sequence[NamedCheck], *, step: str | None, evidence: Evidence) -> tuple[Verdict, ...]:
    """Judge the output of `step`, or the outputs where it is None; one verdict a check, in order.

    What a skipped step would have made is not judged (skipped). A check of a step that errored, or was not
    run because another one did, is errored, so that it counts as a failure in every rate.
    """
    return tuple(
        [_verdict(name, check, step, await rule_at(check, step, evidence)) for name, check in checks]
    )


async def judge_step(request: StepRequest, result: StepResult, machinery: Machinery) -> tuple[Verdict, ...]:
    """Judge a step by its own checks."""
    checks: tuple[Check, ...] = request.planned.step.checks
    if not checks:
        return ()
    evidence = _evidence(request.trial, {**request.done, result.id: result}, machinery)
    return await judge(named(checks), step=result.id, evidence=evidence)


async def judge_outputs(
    trial: Trial, outputs: JSON, done: Mapping[str, StepResult], machinery: Machinery
) -> tuple[Verdict, ...]:
    """Judge what a trial gave by the checks of its pipeline and its row."""
    checks, problem = _all_checks(trial)
    if not checks and problem is None:
        return ()
    evidence = _evidence(trial, done, machinery, outputs=_given(trial, outputs, done))
    verdicts = await judge(checks, step=None, evidence=evidence)
    return verdicts if problem is None else (*verdicts, problem)


def _all_checks(trial: Trial) -> tuple[tuple[NamedCheck, ...], Verdict | None]:
    own = named(trial.cell.checks)
    try:
        return (*own, *row_checks(trial.row.checks, own)), None
    except ValueError as error:
        problem = Verdict(
            step=None, name="$checks", type="$checks", status="errored", score=0.0, reason=str(error)
        )
        return own, problem


def _given(trial: Trial, outputs: JSON, done: Mapping[str, StepResult]) -> JSON | _Missing:
    """Give the outputs, or MISSING where no step, or not the step that they are, made any."""
    results = list(done.values())
    if any(result.status == "errored" or result.error_kind == "dependency" for result in results):
        return MISSING
    if all(result.status == "skipped" for result in results):
        return MISSING
    if trial.cell.spec.outputs is None:
        return done[trial.cell.last_written].output
    return outputs


def _evidence(
    trial: Trial,
    results: Mapping[str, StepResult],
    machinery: Machinery,
    *,
    outputs: JSON | _Missing = MISSING,
) -> Evidence:
    return Evidence(
        inputs=trial.row.inputs,
        row=trial.row.columns,
        results=results,
        outputs=outputs,
        render=machinery.render,
        call=machinery.call,
    )


def _verdict(name: str, check: Check, step: str | None, ruling: Ruling) -> Verdict:
    return Verdict(
        step=step,
        name=name,
        type=check.type,
        status=ruling.status,
        score=ruling.score,
        reason=ruling.reason,
        metric=check.metric,
        weight=check.weight,
        severity=check.severity,
    )
