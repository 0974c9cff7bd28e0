"""Trials that were run before and are judged again: nothing is asked, called or run but what judges."""

from collections.abc import Callable, Iterator, Mapping
from typing import cast

from promptlab.core.frozen import frozen, replace
from promptlab.engine.performing import Perform
from promptlab.engine.plan import Plan, Trial
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import MISSING, StepResult


@frozen
class StoredTrial(Trial):
    """`stored`: what its steps made, by path: `parts[2].part` for one inside another."""

    stored: Mapping[str, StepResult]

    def as_run(self, result: StepResult) -> StepResult:
        then = self.stored.get(result.id, result)
        return replace(result, calls=then.calls, inner=tuple(map(self.as_run, result.inner)))


@frozen(kw_only=True, slots=False)
class StoredPlan(Plan):
    """A plan whose trials come from elsewhere than from rows × cells; `source` gives them, anew each time."""

    source: Callable[[], Iterator[StoredTrial]]

    @property
    def is_sequential(self) -> bool:
        return False

    def trials(self) -> Iterator[Trial]:
        return iter(self.source())


@frozen
class Stored:
    """The end of the step chain: gives what a step made. One with steps inside is run."""

    perform: Perform

    async def __call__(self, request: StepRequest) -> StepResult:
        found = cast("StoredTrial", request.trial).stored.get(request.path)
        if found is None:
            message = f"the step '{request.path}' was not run then"
            return StepResult(id=request.path, status="errored", error=message, error_kind="stored")
        if not request.planned.inner or found.output is MISSING:
            return as_made(found)
        return await self.perform(request)


def as_made(result: StepResult) -> StepResult:
    """Give a result as it was before it was judged; nothing is paid for it now."""
    return replace(
        result,
        status="passed" if result.status == "failed" else result.status,
        calls=tuple(replace(call, recalled=True, attempts=0) for call in result.calls),
        spent_usd=0.0,
        verdicts=(),
        inner=(),
    )
