"""What steps may do that cannot be walked: the calls that follow on answers, and steps inside open ones."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import compact
from promptlab.engine.completion_step import CompletionStep
from promptlab.engine.forecast import Ahead, Request, StepForecast
from promptlab.engine.forecasting_judges import could_judge
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.measuring import measured
from promptlab.engine.plan import PlannedStep
from promptlab.engine.scopes import Scope
from promptlab.engine.step_request import StepRequest
from promptlab.engine.steps.foreach import ForeachStep
from promptlab.engine.unfolding import Unfolding
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


@frozen
class Opened:
    """A step that waits for an answer, with others inside it."""

    request: StepRequest
    unfolding: Unfolding

    async def told(self, scope: Scope, walked: Iterable[str]) -> list[StepForecast]:
        """Tell what the steps inside would do in the rounds that were not walked already."""
        planned, path = self.request.planned, self.request.path
        begun = {
            one[len(path) :].partition("]")[0] for one in walked if one.startswith((f"{path}.", f"{path}["))
        }
        if isinstance(planned.step, ForeachStep):
            rounds = await self.unfolding.rounds(planned, scope)
            left = [one for index, one in enumerate(rounds) if f"[{index}" not in begun]
        else:
            left = [] if begun else await self.unfolding.rounds(planned, scope)
        return [told async for told in self._steps(planned.inner, left, f"{path}.")]

    async def _steps(
        self, steps: Sequence[PlannedStep], rounds: Sequence[Scope], within: str
    ) -> AsyncIterator[StepForecast]:
        sure = sum(one.times for one in rounds if not one.is_limit)
        most = sum(one.times for one in rounds)
        for planned in steps if rounds else ():
            path = f"{within}{planned.step.id}"
            yield self._step(planned, path, sure, most)
            for told in could_judge(planned, path, sure=sure, most=most):
                yield told
            if planned.inner:
                inside = [one for scope in rounds for one in await self.unfolding.rounds(planned, scope)]
                async for told in self._steps(planned.inner, inside, f"{path}."):
                    yield told

    def _step(self, planned: PlannedStep, path: str, sure: int, most: int) -> StepForecast:
        """Tell what a step would do so many times; those that nobody can be sure of are to be feared."""
        if planned.target is None:
            return StepForecast(path=path, runs=0 if planned.inner else most)
        guess = rough(replace(self.request, planned=planned), ())
        likely = Ahead(certainty="open", request=guess, times=sure)
        feared = Ahead(certainty="again", request=guess, times=most - sure)
        after = again(planned, guess, made=1, times=most)
        ahead = tuple(one for one in (likely, feared, *after) if one.times)
        return StepForecast(path=path, ahead=ahead, has_open_list=most > sure)


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
