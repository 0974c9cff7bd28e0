"""Asks the steps inside a step, and keeps what each took in that step's tally, however it ends."""

import asyncio
from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import replace, slotted
from promptlab.core.json import JSON
from promptlab.engine.plan import PlannedStep
from promptlab.engine.step_request import RunStep, StepRequest
from promptlab.engine.stopwatch import Stopwatch
from promptlab.schemas.run import StepResult


@slotted
class Inside:
    """`values`: what the steps see by name; `path`: of the step around them, with its item."""

    around: StepRequest
    run_step: RunStep
    values: Mapping[str, JSON]
    path: str
    item: int
    places: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {step.id: place for place, step in enumerate(self.around.planned.step.inner)}

    async def ask(self, planned: PlannedStep, needed: dict[str, StepResult]) -> StepResult:
        request = StepRequest(
            planned,
            self.around.trial,
            needed,
            stopwatch=Stopwatch(self.around.stopwatch),
            inner=self.values,
            within=f"{self.path}.",
        )
        try:
            result = await self.run_step(request)
        except asyncio.CancelledError:
            self._keep(_cut_short(request))
            raise
        self._keep(result)
        return result

    def _keep(self, result: StepResult) -> None:
        place = self.places[result.id.rpartition(".")[2]]
        self.around.tally.inner[self.item, place] = result


def _cut_short(request: StepRequest) -> StepResult:
    account = request.tally.account(request.path, "errored")
    return replace(account, error="was given up before its end", error_kind="timeout")
