"""Walks a trial with what is recorded: which calls it would make, and what hangs on them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from promptlab.core.json import canonical, compact
from promptlab.engine.assembly import assemble_walk, still_machinery
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest
from promptlab.engine.forecast import Ahead, Request, StepForecast
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.performing import Perform
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.scope import Render, RenderFailed
from promptlab.engine.stand_ins import counted, mark_of, pretended
from promptlab.engine.step import CompletionStep
from promptlab.engine.step_request import StepRequest
from promptlab.schemas.run import StepResult

MESSAGE_BYTES = 16  # what a message's frame takes beside its text: four tokens
COMPLAINT_BYTES = 300  # what is said about an invalid output, at most about
NOT_THERE = CallFailure(kind="unwanted", message="not recorded", outcome="unsent", attempts=0)

type Done = dict[str, StepResult]


@dataclass(slots=True)
class Watch:
    """Stands for both completion chains: recalls, and notes what cannot be recalled."""

    log: RecordedAnswers
    fresh: bool
    recalled: int = 0
    remembered: int = 0
    asked: list[Call] = field(default_factory=list)
    acted: int = 0

    async def complete(self, call: Call) -> Answer:
        found = await self._recorded(call)
        if found is None:
            self.asked.append(call)
            return NOT_THERE
        self.recalled += 1
        return found

    async def act(self, call: Call) -> Answer:
        found = await self._recorded(call)
        if found is None:
            self.acted += 1
            return NOT_THERE
        self.remembered += 1
        return found

    async def _recorded(self, call: Call) -> Completion | None:
        """Give what a new run would recall: it has no answers of its own yet."""
        if self.fresh or not call.recall:
            return None
        return await self.log.recall(call.request.fingerprint)


@dataclass(frozen=True, slots=True)
class Forecaster:
    """`fresh`: nothing that was recorded before counts."""

    log: RecordedAnswers
    render: Render
    fresh: bool = False

    async def trial(self, trial: Trial) -> tuple[StepForecast, ...]:
        """Tell what the steps of a trial would do, in an order in which they can run."""
        done: Done = {}
        return tuple([await self._step(trial, planned, done) for planned in trial.cell.steps])

    async def _step(self, trial: Trial, planned: PlannedStep, done: Done) -> StepForecast:
        request = StepRequest(planned, trial, _deciding(planned, done))
        watch = Watch(self.log, self.fresh)
        run_step = assemble_walk(still_machinery(watch.complete, watch.act, self.render))
        result = done[planned.step.id] = await run_step(request)
        told = _told(planned, watch, result)
        if result.status != "left" or watch.asked or watch.acted:
            return told
        return await self._open(request, told)

    async def _open(self, request: StepRequest, told: StepForecast) -> StepForecast:
        """Tell what a step would do once it has the answers that it waits for."""
        step = request.planned.step
        if not isinstance(step, CompletionStep):
            return replace(told, runs=1, is_endless=step.worst_calls is None)
        draft = await self._draft(request) or _rough(request)
        first = Ahead(certainty="open", request=draft)
        return replace(told, ahead=(first, *_again(request.planned, draft, made=1)))

    async def _draft(self, request: StepRequest) -> Request | None:
        """Make the request of an open step with stand-ins; None where its template does not take them."""
        steps = [planned.step for planned in request.trial.cell.steps]
        marks = {step.id: mark_of(position) for position, step in enumerate(steps)}
        seen = {
            step.id: pretended(result, step, marks[step.id]) if result.status == "left" else result
            for step in steps
            if (result := request.done.get(step.id)) is not None
        }
        watch = Watch(self.log, fresh=True)
        perform = Perform(still_machinery(watch.complete, watch.act, self.render))
        try:
            await perform(replace(request, done=seen))
        except RenderFailed:
            return None
        return _measured(watch.asked[0], marks) if watch.asked else None


def _deciding(planned: PlannedStep, done: Done) -> Done:
    """Give what decides whether a step asks, and what: not what its checks name; an error before all else."""
    needed = {name: done[name] for name in planned.needs - planned.for_checks}
    failed = {
        name: result
        for name, result in needed.items()
        if result.status == "errored" or result.error_kind == "dependency"
    }
    return failed or needed


def _told(planned: PlannedStep, watch: Watch, result: StepResult) -> StepForecast:
    return StepForecast(
        step=result.id,
        ahead=tuple(_sure(planned, watch)),
        recalled=watch.recalled,
        runs=watch.acted,
        remembered=watch.remembered,
        is_skipped=result.status == "skipped",
        error=result.error if result.status == "errored" else None,
    )


def _sure(planned: PlannedStep, watch: Watch) -> Iterator[Ahead]:
    """Give the calls that leave, and those that may follow on their answers."""
    for call in watch.asked:
        draft = _measured(call, {})
        fingerprint = bytes.fromhex(call.request.fingerprint)
        yield Ahead(certainty="sure", request=draft, fingerprint=fingerprint, recall=call.recall)
        yield from _again(planned, draft, made=watch.recalled + 1)


def _again(planned: PlannedStep, first: Request, *, made: int) -> Iterator[Ahead]:
    """Give the calls that a step may make after those that it has made; the last may be the longest."""
    most = planned.step.worst_calls
    times = 0 if most is None else most - made
    if times > 0:
        longer = COMPLAINT_BYTES * times
        request = replace(first, size=first.size + longer, text=first.text + longer, answers=times)
        yield Ahead(certainty="again", request=request, times=times)


def _measured(call: Call, marks: Mapping[str, str]) -> Request:
    request = call.request
    texts = list(_read(request))
    blanks = counted(texts, marks)
    missing = sum(times * len(marks[step].encode()) for step, times in blanks.items())
    text = sum(len(part.encode("utf-8", "surrogatepass")) for part in texts)
    frames = MESSAGE_BYTES * len(request.messages)
    return Request.of(call, size=request.size - missing, text=text - missing + frames, blanks=blanks)


def _read(request: CompletionRequest) -> Iterator[str]:
    """Give what the model reads of a request, as texts."""
    yield from (message.text for message in request.messages)
    if request.json_schema is not None:
        yield canonical(request.json_schema)
    yield from (canonical(tool.as_json()) for tool in request.tools)


def _rough(request: StepRequest) -> Request:
    """Measure an open step by its templates and all that they may name."""
    planned, target = request.planned, request.planned.target
    assert target is not None  # noqa: S101 - a completion step is always planned with one
    templates = (part.template for part in planned.step.own_parts())
    size = sum(len(template.source.encode()) for template in templates)
    size += len(compact(dict(request.trial.row.inputs)).encode("utf-8", "surrogatepass"))
    return Request(
        profile=target.profile,
        ceiling=output_ceiling(target.params, target.profile),
        size=size,
        text=size,
        blanks={name: 1 for name, result in request.done.items() if result.status == "left"},
        problem=target.problem,
    )
