"""Walks a trial with what is recorded: which calls it would make, and what hangs on them."""

from collections.abc import Callable, Mapping
from dataclasses import field

from promptlab.core.frozen import frozen, replace, slotted
from promptlab.engine.assembly import assemble_walk, still_machinery
from promptlab.engine.attachments import NO_ATTACHMENTS, AttachmentSource
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.check_reading import row_checks
from promptlab.engine.expecting import Opened, again, rough, sure
from promptlab.engine.falling_back import FallbackRecord
from promptlab.engine.forecast import Ahead, Request, StepForecast
from promptlab.engine.forecasting_judges import asking, could_ask, would_ask
from promptlab.engine.judging import judge_outputs, judge_step
from promptlab.engine.machinery import Machinery
from promptlab.engine.measuring import measured
from promptlab.engine.outputs import outputs_of
from promptlab.engine.performing import Perform
from promptlab.engine.places import by_place, place_of
from promptlab.engine.plan import PlannedStep, Trial
from promptlab.engine.scope import Names, Render, RenderFailed
from promptlab.engine.scopes import Schema, Scope
from promptlab.engine.stand_ins import mark_of, pretended
from promptlab.engine.step_request import StepRequest
from promptlab.engine.together import run_together
from promptlab.engine.unfolding import Unfolding
from promptlab.engine.watch import Watch
from promptlab.schemas.run import MISSING, StepResult


@frozen
class Forecaster:
    """`fresh`: nothing that was recorded before counts. `attachments` gives the files that prompts name.

    `anyhow`: what is recorded serves also where it would not be recalled. `note` is told of each call that
    nobody has answered, `hear` of each.
    """

    log: RecordedAnswers
    render: Render
    fresh: bool = False
    attachments: AttachmentSource = NO_ATTACHMENTS
    anyhow: bool = False
    note: Callable[[Call], None] = lambda _call: None
    hear: Callable[[Call], None] = lambda _call: None

    def watch(self) -> Watch:
        return Watch(self.log, self.fresh, self.anyhow, self.note, self.hear)

    async def trial(self, trial: Trial) -> list[StepForecast]:
        """Tell what the steps of a trial would do, those inside others too."""
        walk = _Walk(self, by_place(trial.cell.steps))
        done = await run_together(
            trial.cell.steps, lambda planned, needed: walk.step(StepRequest(planned, trial, needed))
        )
        return [*walk.told, *await self._judged(trial, done)]

    async def _judged(self, trial: Trial, done: Mapping[str, StepResult]) -> list[StepForecast]:
        """Tell what the checks of the pipeline and the row would ask."""
        rows = (check for _, check in row_checks(trial.row.checks))
        checks, judges = asking([*trial.cell.checks, *rows]), trial.cell.judges
        if not checks:
            return []
        if any(result.status == "left" for result in done.values()):
            return [could_ask("", checks, judges, place=trial.cell.spec.steps[-1].id)]
        watch = self.watch()
        machinery = self.machinery(watch)
        outputs, _ = await outputs_of(trial.cell.spec, trial.row.inputs, done, self.render)
        await judge_outputs(trial, outputs, done, machinery)
        return [would_ask("", watch)]

    def machinery(self, watch: Watch) -> Machinery:
        fallbacks = FallbackRecord(watch.log, watch.fresh)
        return still_machinery(watch.complete, watch.act, fallbacks, self.render, self.attachments)


@slotted
class _Walk:
    """One trial: each step is looked at as it comes up."""

    means: Forecaster
    steps: Mapping[str, PlannedStep]
    told: list[StepForecast] = field(default_factory=list)
    seen: dict[str, Schema] = field(default_factory=dict)

    @property
    def unfolding(self) -> Unfolding:
        return Unfolding(self.means.render)

    async def step(self, request: StepRequest) -> StepResult:
        result = await self._walked(deciding(request))
        if result.status == "left":
            self.seen[request.path] = await self.unfolding.seen_of(request.planned.step, self._scope(request))
        self.told += await self._judged(request, result)
        return result

    def _scope(self, request: StepRequest) -> Scope:
        """Give what a step sees, and of what is left open what is known of it."""
        missing = {name: result.id for name, result in request.done.items() if result.status == "left"}
        steps = {name: seen for name, seen in request.names.steps.items() if name not in missing}
        names = Names(request.names.values, steps)
        return Scope(names, {name: self.seen[path] for name, path in missing.items()})

    async def _judged(self, request: StepRequest, result: StepResult) -> list[StepForecast]:
        """Tell what the checks of a step would ask."""
        planned, place = request.planned, place_of(request.path)
        checks = asking(planned.step.checks)
        is_open = result.status == "left"
        told = []
        if is_open and (inside := asking(planned.step.inner_checks)):
            told.append(could_ask(request.path, inside, planned.inner_judges, place))
        if checks and (is_open or any(one.status == "left" for one in request.done.values())):
            told.append(could_ask(request.path, checks, planned.judges, place))
        elif checks:
            watch = self.means.watch()
            await judge_step(request, result, self.means.machinery(watch))
            told.append(would_ask(request.path, watch))
        return told

    async def _walked(self, request: StepRequest) -> StepResult:
        watch = self.means.watch()
        machinery = self.means.machinery(watch)
        result = await assemble_walk(machinery, self.step)(request)
        self.told.append(_told(request, watch, result))
        if result.status == "left" and not watch.asked:
            self.told += await self._open(request, watch)
        return result

    async def _open(self, request: StepRequest, watch: Watch) -> list[StepForecast]:
        """Tell what a step would do once it has what it waits for, beside what was walked inside it."""
        if request.planned.inner:
            walked = [told.path for told in self.told]
            return await Opened(request, self.unfolding).told(self._scope(request), walked)
        if request.planned.target is None:
            return [] if watch.acted else [StepForecast(path=request.path, runs=1)]
        draft = await self._draft(request, watch)
        first = Ahead(certainty="open", request=draft)
        after = again(request.planned, draft, made=len(watch.recalled) + 1)
        return [StepForecast(path=request.path, ahead=(first, *after))]

    async def _draft(self, request: StepRequest, watch: Watch) -> Request:
        """Give the request of an open step: its last one and more, else one with stand-ins, else a guess."""
        if watch.recalled:
            return replace(measured(watch.recalled[-1]), is_known=False)
        missing = {name: result for name, result in request.done.items() if result.status == "left"}
        places = {name: place_of(result.id) for name, result in missing.items()}
        marks = {places[name]: mark_of(position) for position, name in enumerate(missing)}
        seen = {
            name: pretended(result, self.steps[places[name]].step, marks[places[name]])
            for name, result in missing.items()
        }
        draft = Watch(self.means.log, fresh=True)
        machinery = self.means.machinery(draft)
        try:
            await Perform(machinery, self.step)(replace(request, done=request.done | seen))
        except RenderFailed:
            return rough(request, places.values())
        return measured(draft.asked[0], marks) if draft.asked else rough(request, places.values())


def deciding(request: StepRequest) -> StepRequest:
    """Give what decides whether a step asks, and what: an error before all, and not what its checks name."""
    for_checks = request.planned.for_checks
    failed = {
        name: result for name, result in request.done.items() if name not in for_checks and _is_failed(result)
    }
    if failed:
        return replace(request, done=failed)
    judged = {name: _settled(request.done[name]) for name in for_checks if name in request.done}
    return replace(request, done=request.done | judged)


def _is_failed(result: StepResult) -> bool:
    return result.status == "errored" or result.error_kind == "dependency"


def _settled(result: StepResult) -> StepResult:
    return replace(result, status="passed", output=MISSING) if result.status == "left" else result


def _told(request: StepRequest, watch: Watch, result: StepResult) -> StepForecast:
    return StepForecast(
        path=request.path,
        ahead=tuple(sure(request.planned, watch)),
        recalled=len(watch.recalled),
        runs=watch.acted,
        remembered=watch.remembered,
        is_skipped=result.status == "skipped" and not (watch.recalled or watch.remembered),
        error=result.error if result.status == "errored" else None,
    )
