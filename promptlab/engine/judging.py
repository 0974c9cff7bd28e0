"""From the checks of a step, a pipeline and a row to verdicts."""

from collections.abc import Mapping, Sequence
from functools import partial

from promptlab.core.frozen import replace
from promptlab.core.json import JSON
from promptlab.engine.check import Check, Evidence
from promptlab.engine.check_reading import row_checks, sound_row_checks
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.conversation import Tool
from promptlab.engine.jury import Jury, asked_of
from promptlab.engine.machinery import Machinery
from promptlab.engine.outputs import judged_outputs
from promptlab.engine.plan import Trial
from promptlab.engine.ran import Ran
from promptlab.engine.ruling import NamedCheck, Ruling, free_name, named, rule_at
from promptlab.engine.step_request import StepRequest
from promptlab.engine.stopwatch import Stopwatch
from promptlab.engine.tally import Tally
from promptlab.engine.target import Judges
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.run import MISSING, Asked, StepResult, Verdict, _Missing

OWN = "$checks"
AS_A_WHOLE = -1  # in place of where a row's check stands


async def judge(
    checks: Sequence[NamedCheck],
    *,
    step: str | None,
    evidence: Evidence,
    jury: Jury | None = None,
    path: str | None = None,
) -> tuple[Verdict, ...]:
    """Judge the output of `step`, or the outputs where it is None; one verdict a check, in order.

    `path`: what the verdicts call the step, if not by its id. What a skipped step would have made is not
    judged (skipped). A check of a step that errored, or was not run because another one did, is errored, so
    that it counts as a failure in every rate. Raises NotAsked where a judge was not asked.
    """
    called = path or step
    with evidence:
        return tuple([await _judged(name, check, step, called, evidence, jury) for name, check in checks])


async def judge_step(request: StepRequest, result: StepResult, machinery: Machinery) -> tuple[Verdict, ...]:
    """Judge a step by its own checks."""
    checks = _wanted(request.planned.named_checks, machinery)
    if not checks:
        return ()
    results = {**request.done, request.id: result}
    evidence = _evidence(request.trial, request.values, results, machinery)
    jury = _jury(request.planned.judges, request.trial, machinery, request.stopwatch)
    return await judge(checks, step=request.id, evidence=evidence, jury=jury, path=request.path)


async def judge_inner(
    spec: PipelineSpec, ran: Ran, outputs: JSON, request: StepRequest, machinery: Machinery
) -> tuple[Verdict, ...]:
    """Judge what a pipeline inside a step gave by its checks; they are named apart from the step's own."""
    checks = _wanted(_apart(spec.checks, request.planned.step.checks), machinery)
    if not checks:
        return ()
    given = judged_outputs(spec, outputs, ran.results)
    evidence = _evidence(request.trial, ran.values, ran.results, machinery, outputs=given)
    jury = _jury(request.planned.inner_judges, request.trial, machinery, request.stopwatch)
    return await judge(checks, step=None, evidence=evidence, jury=jury, path=request.path)


async def judge_outputs(
    trial: Trial, outputs: JSON, done: Mapping[str, StepResult], machinery: Machinery
) -> tuple[Verdict, ...]:
    """Judge what a trial gave by the checks of its pipeline and its row."""
    found, faults = _all_checks(trial)
    checks = _wanted(found, machinery)
    if not checks and not faults:
        return ()
    given = judged_outputs(trial.cell.spec, outputs, done)
    evidence = _evidence(trial, trial.row.inputs, done, machinery, outputs=given)
    jury = _jury(trial.cell.judges, trial, machinery, Stopwatch())
    verdicts = await judge(checks, step=None, evidence=evidence, jury=jury)
    return _with_faults(verdicts, faults, len(trial.cell.checks)) if faults else verdicts


def _with_faults(verdicts: Sequence[Verdict], faults: Mapping[int, str], first: int) -> tuple[Verdict, ...]:
    """Put a verdict where a row's check stands that cannot be read; `first`: where its checks begin."""
    found = list(verdicts)
    for index, reason in sorted(faults.items()):
        name = OWN if index == AS_A_WHOLE else f"{OWN}.{index}"
        verdict = Verdict(step=None, name=name, type=OWN, status="errored", score=0.0, reason=reason)
        found.insert(first + max(index, 0), verdict)
    return tuple(found)


def _wanted(checks: Sequence[NamedCheck], machinery: Machinery) -> tuple[NamedCheck, ...]:
    """Give the checks to judge by: those that ask models alone, where a trial is only looked at."""
    if not machinery.is_walk:
        return tuple(checks)
    return tuple(item for item in checks if item[1].worst_calls)


def _all_checks(trial: Trial) -> tuple[tuple[NamedCheck, ...], Mapping[int, str]]:
    """Give the checks of the pipeline and the row; what is wrong with those of the row, by their places."""
    own = trial.cell.named_checks
    if trial.row.no_checks is not None:
        return own, {AS_A_WHOLE: trial.row.no_checks}
    try:
        return (*own, *row_checks(trial.row.checks, own)), {}
    except ValueError:
        sound, faults = sound_row_checks(trial.row.checks, own)
        return (*own, *sound), faults


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
        results={step: trial.as_run(result) for step, result in results.items()},
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


def _jury(judges: Judges, trial: Trial, machinery: Machinery, stopwatch: Stopwatch) -> Jury:
    return Jury(judges, machinery.complete, trial.key, machinery.is_walk, stopwatch)


async def _judged(
    name: str, check: Check, step: str | None, called: str | None, evidence: Evidence, jury: Jury | None
) -> Verdict:
    if jury is None or not check.worst_calls:
        return _verdict(name, check, called, await rule_at(check, step, evidence))
    tally = Tally()
    with replace(evidence, ask=jury.counted_by(tally)) as asking:
        ruling = await rule_at(check, step, asking)
    return _verdict(name, check, called, ruling, asked_of(tally))


def _verdict(
    name: str, check: Check, step: str | None, ruling: Ruling, asked: Asked | None = None
) -> Verdict:
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
        asked=asked,
        versus=ruling.versus,
    )
