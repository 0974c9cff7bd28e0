"""One trial: its steps as soon as their needs are done, then its outputs and its own checks."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from promptlab.core.json import JSON
from promptlab.engine.judging import judge_outputs
from promptlab.engine.machinery import Machinery
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.scope import Names, RenderFailed, filled, step_names
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import StepResult, TrialResult, TrialStatus, Verdict

type RunStep = Callable[[StepRequest], Awaitable[StepResult]]


@dataclass(frozen=True, slots=True)
class TrialRunner:
    machinery: Machinery
    run_step: RunStep

    async def run(self, trial: Trial) -> TrialResult:
        done = await (self._in_line(trial) if trial.cell.is_chain else self._side_by_side(trial))
        steps = tuple(done[step.id] for step in trial.cell.spec.steps)
        if any(step.status == "left" for step in steps):
            return _result(trial, "left", None, steps)
        outputs, error = await self._outputs(trial, done)
        verdicts = await judge_outputs(trial, outputs, done, self.machinery)
        status = "errored" if error else trial_status(steps, verdicts)
        return _result(trial, status, outputs, steps, verdicts=verdicts, error=error)

    async def _in_line(self, trial: Trial) -> dict[str, StepResult]:
        done: dict[str, StepResult] = {}
        for planned in trial.cell.steps:
            done[planned.step.id] = await self._step(trial, planned, done)
        return done

    async def _side_by_side(self, trial: Trial) -> dict[str, StepResult]:
        tasks: dict[str, asyncio.Task[StepResult]] = {}

        async def run(planned: PlannedStep) -> StepResult:
            done = {name: await asyncio.shield(tasks[name]) for name in planned.needs}
            return await self._step(trial, planned, done)

        async with asyncio.TaskGroup() as group:
            for planned in trial.cell.steps:
                tasks[planned.step.id] = group.create_task(run(planned))
        return {name: task.result() for name, task in tasks.items()}

    async def _step(self, trial: Trial, planned: PlannedStep, done: dict[str, StepResult]) -> StepResult:
        needed = {name: done[name] for name in planned.needs}
        return await self.run_step(StepRequest(planned, trial, needed))

    async def _outputs(self, trial: Trial, done: dict[str, StepResult]) -> tuple[JSON, str | None]:
        """Give the pipeline's outputs, and what is wrong with them where no step errored."""
        written = trial.cell.spec.outputs
        if written is None:
            return done[trial.cell.last_written].made, None
        names = Names(trial.row.inputs, {name: step_names(result) for name, result in done.items()})
        outputs: dict[str, JSON] = {}
        problem: str | None = None
        for name, template in written.items():
            try:
                outputs[name] = await filled(template, names, self.machinery.render)
            except RenderFailed as error:
                outputs[name] = None
                problem = problem or f"outputs.{name}: {error}"
        errored = any(result.status == "errored" for result in done.values())
        return outputs, None if errored else problem


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
    """Errored if a step or check errored; else failed if a check failed; skipped if all steps were."""
    serious = [
        verdict.status
        for verdict in (*(verdict for step in steps for verdict in step.verdicts), *verdicts)
        if verdict.severity == "error"
    ]
    if "errored" in serious or any(step.status == "errored" for step in steps):
        return "errored"
    if "failed" in serious:
        return "failed"
    return "skipped" if all(step.status == "skipped" for step in steps) else "passed"
