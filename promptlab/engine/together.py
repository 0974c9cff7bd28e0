"""Steps that belong together: each runs once, as soon as what it needs is done."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import pairwise

from promptlab.engine.plan import PlannedStep
from promptlab.schemas.run import StepResult

type Results = dict[str, StepResult]
type Ask = Callable[[PlannedStep, Results], Awaitable[StepResult]]

NONE: Mapping[str, StepResult] = {}


async def run_together(
    steps: Sequence[PlannedStep], ask: Ask, around: Mapping[str, StepResult] = NONE
) -> Results:
    """Give the results of the steps by id; `around`: those of steps outside that they may need."""
    return await (_in_line if _is_chain(steps) else _side_by_side)(steps, ask, around)


async def _in_line(steps: Sequence[PlannedStep], ask: Ask, around: Mapping[str, StepResult]) -> Results:
    done: Results = {}
    for planned in steps:
        needed = {name: done[name] if name in done else around[name] for name in planned.needs}
        done[planned.step.id] = await ask(planned, needed)
    return done


async def _side_by_side(steps: Sequence[PlannedStep], ask: Ask, around: Mapping[str, StepResult]) -> Results:
    tasks: dict[str, asyncio.Task[StepResult]] = {}

    async def run(planned: PlannedStep) -> StepResult:
        inside = [name for name in planned.needs if name in tasks]
        needed = {name: around[name] for name in planned.needs if name not in tasks}
        return await ask(planned, {**needed, **{name: await asyncio.shield(tasks[name]) for name in inside}})

    async with asyncio.TaskGroup() as group:
        for planned in steps:
            tasks[planned.step.id] = group.create_task(run(planned))
    return {name: task.result() for name, task in tasks.items()}


def _is_chain(steps: Sequence[PlannedStep]) -> bool:
    """Say whether each step waits for the one before it, so that nothing can run side by side."""
    return all(before.step.id in step.needs for before, step in pairwise(steps))
