"""From the checks of a step, a pipeline and a row to verdicts."""

from collections.abc import Mapping, Sequence
from functools import partial

from promptlab.core.json import JSON
from promptlab.engine.check import Check, Evidence
from promptlab.engine.check_reading import row_checks
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Tool
from promptlab.engine.machinery import Machinery
from promptlab.engine.outputs import judged_outputs
from promptlab.engine.plan import Trial
from promptlab.engine.ran import Ran
from promptlab.engine.ruling import NamedCheck, Ruling, free_name, named, rule_at
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.run import MISSING, StepResult, Verdict, _Missing


async def judge(
    checks: Sequence[NamedCheck], *, step: str | None, evidence: Evidence, path: str | None = None
) -> tuple[Verdict, ...]:
    """Judge the output of `step`, or the outputs where it is None; one verdict a check, in order.

    `path`: what the verdicts call the step, if not by its id. What a skipped step would have made is not
    judged (skipped). A check of a step that errored, or was not run because another one did, is errored, so
    that it counts as a failure in every rate.
    """
    called = path or step
    return tuple(
        [_verdict(name, check, called, await rule_at(check, step, evidence)) for name, check in checks]
    )


async def judge_step(request: StepRequest, result: StepResult, machinery: Machinery) -> tuple[Verdict, ...]:
    """Judge a step by its own checks."""
    checks: tuple[Check, ...] = request.planned.step.checks
    if not checks:
        return ()
    results = {**request.done, request.id: result}
    evidence = _evidence(request.trial, request.values, results, machinery)
    return await judge(named(checks), step=request.id, evidence=evidence, path=request.path)


async def judge_inner(
    spec: PipelineSpec, ran: Ran, outputs: JSON, request: StepRequest, machinery: Machinery
) -> tuple[Verdict, ...]:
    """Judge what a pipeline inside a step gave by its checks; they are named apart from the step's own."""
    if not spec.checks:
        return ()
    given = judged_outputs(spec, outputs, ran.results)
    evidence = _evidence(request.trial, ran.values, ran.results, machinery, outputs=given)
    checks = _apart(spec.checks, request.planned.step.checks)
    return await judge(checks, step=None, evidence=evidence, path=request.path)


async def judge_outputs(
    trial: Trial, outputs: JSON, done: Mapping[str, StepResult], machinery: Machinery
) -> tuple[Verdict, ...]:
    """Judge what a trial gave by the checks of its pipeline and its row."""
    checks, problem = _all_checks(trial)
    if not checks and problem is None:
        return ()
    given = judged_outputs(trial.cell.spec, outputs, done)
    evidence = _evidence(trial, trial.row.inputs, done, machinery, outputs=given)
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


def _apart(checks: Sequence[Check], others: Sequence[Check]) -> tuple[NamedCheck, ...]:
    taken = {name for name, _ in named(others)}
    return tuple((free_name(name, taken), check) for name, check in named(checks))


def _evidence(
    trial: Trial,
    values: Mapping[str, JSON],
    results: Mapping[str, StepResult],
    machinery: Machinery,
    *,
    outputs: JSON | _Missing = MISSING,
) -> Evidence:
    return Evidence(
        inputs=values,
        row=trial.row.columns,
        results=results,
        outputs=outputs,
        render=machinery.render,
        call=machinery.call,
        tools=partial(_tools, trial),
    )


def _tools(trial: Trial) -> dict[str, tuple[Tool, ...]]:
    """Give what tools each step offers its model, by the step's path."""
    return {
        path: tuple(tool.offered for tool in planned.step.tools)
        for path, planned in trial.cell.paths()
        if isinstance(planned.step, CompletionStep)
    }


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
