"""What steps may do that cannot be walked: the calls that follow on answers, and steps inside open ones."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from promptlab.core.json import JSON, compact
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.forecast import Ahead, Request, StepForecast
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.measuring import measured
from promptlab.engine.plan import PlannedStep
from promptlab.engine.scope import Names, Render, RenderFailed
from promptlab.engine.step_request import StepRequest
from promptlab.engine.steps.foreach import ForeachStep
from promptlab.engine.watch import Watch

COMPLAINT_BYTES = 300  # what is said about an invalid output, at most about


def sure(planned: PlannedStep, watch: Watch) -> Iterator[Ahead]:
    """Give the calls that leave, and those that may follow on their answers."""
    for call in watch.asked:
        request = measured(call)
        fingerprint = bytes.fromhex(call.request.fingerprint)
        yield Ahead(certainty="sure", request=request, fingerprint=fingerprint, recall=call.recall)
        yield from again(planned, request, made=len(watch.recalled) + 1)


def again(planned: PlannedStep, first: Request, *, made: int, times: int = 1) -> Iterator[Ahead]:
    """Give the calls that a step may make after those that it has made; the last may be the longest.

    What its tools say is not known before. Fallbacks may be asked in place of each call that is not made.
    """
    more = planned.step.worst_calls - made
    longer = COMPLAINT_BYTES * more
    last = replace(
        first,
        size=first.size + longer,
        text=first.text + longer,
        answers=first.answers + more,
        is_known=first.is_known and not _has_tools(planned),
    )
    if more > 0:
        yield Ahead(certainty="again", request=last, times=more * times)
    line = planned.target.line if planned.target is not None else ()
    for target in (one for one in line if one.profile.name != first.profile.name):
        request = replace(
            last,
            profile=target.profile,
            ceiling=output_ceiling(target.params, target.profile),
            problem=target.problem,
        )
        yield Ahead(certainty="again", request=request, times=(more + 1) * times)


def _has_tools(planned: PlannedStep) -> bool:
    return isinstance(planned.step, CompletionStep) and bool(planned.step.tools)


def could_do(
    request: StepRequest, steps: Sequence[PlannedStep], times: int | None, *, within: str
) -> Iterator[StepForecast]:
    """Tell what the steps inside an open step may do, `times` over; None: nobody can tell how often."""
    if times == 0:
        return
    for planned in steps:
        path = f"{within}{planned.step.id}"
        if planned.inner:
            inner_times = None if isinstance(planned.step, ForeachStep) else times
            yield from could_do(request, planned.inner, inner_times, within=f"{path}.")
        elif times is None:
            yield StepForecast(path=path, is_endless=planned.target is not None)
        elif planned.target is None:
            yield StepForecast(path=path, runs=times)
        else:
            guess = rough(replace(request, planned=planned), ())
            first = Ahead(certainty="open", request=guess, times=times)
            yield StepForecast(path=path, ahead=(first, *again(planned, guess, made=1, times=times)))


async def rounds_left(request: StepRequest, walked: Iterable[str], render: Render) -> int | None:
    """Give how often the steps inside a step are still run, beside those walked; None: nobody can tell."""
    begun = {
        path[len(request.path) :].partition("]")[0]
        for path in walked
        if path.startswith((f"{request.path}.", f"{request.path}["))
    }
    if not isinstance(request.planned.step, ForeachStep):
        return 0 if begun else 1
    items = await _items(request, request.planned.step, render)
    return None if items is None else len(items) - len(begun)


async def _items(request: StepRequest, step: ForeachStep, render: Render) -> list[JSON] | None:
    """Give the list of a foreach; None where it hangs on what is not there yet."""
    missing = {name for name, result in request.done.items() if result.status == "left"}
    if any(re.search(rf"\b{re.escape(name)}\b", step.foreach.source) for name in missing):
        return None
    steps = {name: seen for name, seen in request.names.steps.items() if name not in missing}
    try:
        items = await render(step.foreach, Names(request.names.values, steps))
    except RenderFailed:
        return None
    return items if isinstance(items, list) else None


def rough(request: StepRequest, missing: Iterable[str]) -> Request:
    """Measure an open step by its templates and all that they may name, and the answers that are missing."""
    target = request.planned.target
    assert target is not None  # noqa: S101 - it asks a model
    templates = (part.template for part in request.planned.step.own_parts())
    size = sum(len(template.source.encode()) for template in templates)
    size += len(compact(dict(request.names.values)).encode("utf-8", "surrogatepass"))
    return Request(
        profile=target.profile,
        ceiling=output_ceiling(target.params, target.profile),
        size=size,
        text=size,
        blanks=dict.fromkeys(missing, 1),
        is_known=False,
        problem=target.problem,
    )
