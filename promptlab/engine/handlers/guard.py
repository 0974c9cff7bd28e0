"""Guard: whether a step runs (`when`), how long it may take (`timeout`), what an error means (`on_error`)."""

from promptlab.core.frozen import frozen, replace
from promptlab.engine.chain import Forward
from promptlab.engine.excuse import excused
from promptlab.engine.scope import Render, RenderFailed
from promptlab.engine.step import OnErrorDefault
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import MISSING, StepResult


@frozen
class Guard:
    """`timed` false: where nothing is sent or run, no step is held to its time."""

    render: Render
    timed: bool = True

    async def handle(self, request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
        stopper = _stopped_by(request)
        if stopper is not None:
            return stopper
        try:
            if not await self._wanted(request):
                return StepResult(id=request.path, status="skipped")
            result = await (_in_time(request, forward) if self.timed else forward(request))
        except RenderFailed as error:
            result = _errored(request, "template", str(error))
        return _excused(request, result)

    async def _wanted(self, request: StepRequest) -> bool:
        when = request.planned.step.when
        return when is None or bool(await self.render(when, request.names))


async def _in_time(request: StepRequest, forward: Forward[StepRequest, StepResult]) -> StepResult:
    seconds = request.planned.step.timeout
    if seconds is None:
        return await forward(request)
    try:
        async with request.stopwatch.limit(seconds) as limit:
            return await forward(request)
    except TimeoutError:
        if not limit.expired():
            raise
    return _errored(request, "timeout", f"took longer than its {seconds:g} s")


def _errored(request: StepRequest, kind: str, message: str) -> StepResult:
    return request.tally.account(request.path, "errored", error=message, error_kind=kind)


def _stopped_by(request: StepRequest) -> StepResult | None:
    """What depends on an errored step is skipped, unless only checks do; on one that is left, left too."""
    for name in sorted(request.done):
        status = request.done[name].status
        if status == "left":
            return StepResult(id=request.path, status="left", error=request.done[name].error)
        if name in request.planned.for_checks:
            continue
        if status == "errored" or request.done[name].error_kind == "dependency":
            how = "errored" if status == "errored" else "was skipped because of an error"
            message = f"needs '{name}', which {how}"
            return StepResult(id=request.path, status="skipped", error=message, error_kind="dependency")
    return None


def _excused(request: StepRequest, result: StepResult) -> StepResult:
    step = request.planned.step
    if result.status != "errored" or step.on_error == "fail" or not step.may_be_excused:
        return result
    calm = excused(result)
    if isinstance(step.on_error, OnErrorDefault):
        return replace(calm, status="passed", output=step.on_error.default)
    return replace(calm, status="skipped", output=MISSING)
