"""Walks a trial with what is recorded: which calls it would make, and what hangs on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from promptlab.core.json import compact
from promptlab.engine.assembly import assemble_walk, still_machinery
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.forecast import Ahead, Request, StepForecast
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.measuring import measured
from promptlab.engine.performing import Perform
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.scope import Render, RenderFailed
from promptlab.engine.stand_ins import mark_of, pretended
from promptlab.engine.step_request import StepRequest
from promptlab.engine.watch import Watch
from promptlab.schemas.run import StepResult

COMPLAINT_BYTES = 300  # what is said about an invalid output, at most about


@dataclass(frozen=True, slots=True)
class Forecaster:
    """`fresh`: nothing that was recorded before counts."""

    log: RecordedAnswers
    render: Render
    fresh: bool = False

    async def trial(self, trial: Trial) -> list[StepForecast]:
        """Tell what the steps of a trial would do, in an order in which they can run."""
        walk = _Walk(self)
        done: dict[str, StepResult] = {}
        for planned in trial.cell.steps:
            needed = {name: done[name] for name in planned.needs}
            done[planned.step.id] = await walk.step(StepRequest(planned, trial, needed))
        return walk.told


@dataclass(slots=True)
class _Walk:
    """One trial: each step is looked at as it comes up."""

    means: Forecaster
    told: list[StepForecast] = field(default_factory=list)

    async def step(self, request: StepRequest) -> StepResult:
        request = _deciding(request)
        watch = Watch(self.means.log, self.means.fresh)
        machinery = still_machinery(watch.complete, watch.act, self.means.render)
        result = await assemble_walk(machinery)(request)
        told = _told(request, watch, result)
        if result.status == "left" and not (watch.asked or watch.acted):
            told = await self._open(request, told)
        self.told.append(told)
        return result

    async def _open(self, request: StepRequest, told: StepForecast) -> StepForecast:
        """Tell what a step would do once it has the answers that it waits for."""
        if request.planned.target is None:
            return replace(told, runs=1)
        draft = await self._draft(request) or _rough(request)
        first = Ahead(certainty="open", request=draft)
        return replace(told, ahead=(first, *_again(request.planned, draft, made=1)))

    async def _draft(self, request: StepRequest) -> Request | None:
        """Make the request of an open step with stand-ins; None where its template does not take them."""
        steps = {planned.step.id: planned.step for planned in request.trial.cell.steps}
        marks = {name: mark_of(position) for position, name in enumerate(_missing(request))}
        seen = {name: pretended(request.done[name], steps[name], mark) for name, mark in marks.items()}
        watch = Watch(self.means.log, fresh=True)
        perform = Perform(still_machinery(watch.complete, watch.act, self.means.render))
        try:
            await perform(replace(request, done=request.done | seen))
        except RenderFailed:
            return None
        return measured(watch.asked[0], marks) if watch.asked else None


def _deciding(request: StepRequest) -> StepRequest:
    """Give only what decides whether a step asks, and what: not what its checks name; an error before all."""
    needed = {name: result for name, result in request.done.items() if name not in request.planned.for_checks}
    failed = {name: result for name, result in needed.items() if _is_failed(result)}
    return replace(request, done=failed or needed)


def _is_failed(result: StepResult) -> bool:
    return result.status == "errored" or result.error_kind == "dependency"


def _missing(request: StepRequest) -> list[str]:
    return [name for name, result in request.done.items() if result.status == "left"]


def _told(request: StepRequest, watch: Watch, result: StepResult) -> StepForecast:
    return StepForecast(
        step=result.id,
        ahead=tuple(_sure(request.planned, watch)),
        recalled=len(watch.recalled),
        runs=watch.acted,
        remembered=watch.remembered,
        is_skipped=result.status == "skipped",
        error=result.error if result.status == "errored" else None,
    )


def _sure(planned: PlannedStep, watch: Watch) -> Iterator[Ahead]:
    """Give the calls that leave, and those that may follow on their answers."""
    for call in watch.asked:
        request = measured(call)
        fingerprint = bytes.fromhex(call.request.fingerprint)
        yield Ahead(certainty="sure", request=request, fingerprint=fingerprint, recall=call.recall)
        yield from _again(planned, request, made=len(watch.recalled) + 1)


def _again(planned: PlannedStep, first: Request, *, made: int) -> Iterator[Ahead]:
    """Give the calls that a step may make after those that it has made; the last may be the longest."""
    times = planned.step.worst_calls - made
    if times > 0:
        longer = COMPLAINT_BYTES * times
        request = replace(first, size=first.size + longer, text=first.text + longer, answers=times)
        yield Ahead(certainty="again", request=request, times=times)


def _rough(request: StepRequest) -> Request:
    """Measure an open step by its templates and all that they may name."""
    target = request.planned.target
    assert target is not None  # noqa: S101 - it asks a model
    templates = (part.template for part in request.planned.step.own_parts())
    values: Mapping[str, object] = request.names.values
    size = sum(len(template.source.encode()) for template in templates)
    size += len(compact(dict(values)).encode("utf-8", "surrogatepass"))
    return Request(
        profile=target.profile,
        ceiling=output_ceiling(target.params, target.profile),
        size=size,
        text=size,
        blanks=dict.fromkeys(_missing(request), 1),
        problem=target.problem,
    )
