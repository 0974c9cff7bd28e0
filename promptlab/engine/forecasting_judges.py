"""What the models that judge would be asked, as far as it can be told."""

from collections.abc import Iterator, Sequence

from promptlab.core.frozen import replace
from promptlab.core.json import as_text
from promptlab.engine.check import Check
from promptlab.engine.forecast import Ahead, Request, StepForecast
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.measuring import measured
from promptlab.engine.places import place_of
from promptlab.engine.plan import PlannedStep
from promptlab.engine.target import Judges, Target
from promptlab.engine.watch import Watch

PROMPT_BYTES = 2_000  # what a judge's prompt says beside the answer, about


def asking(checks: Sequence[Check]) -> list[Check]:
    """Give the checks that ask a model."""
    return [check for check in checks if check.worst_calls]


def would_ask(path: str, watch: Watch) -> StepForecast:
    """Tell what checks asked while a trial was walked."""
    ahead = tuple(
        Ahead(
            certainty="sure",
            request=measured(call),
            fingerprint=bytes.fromhex(call.request.fingerprint),
            recall=call.recall,
        )
        for call in watch.asked
    )
    return StepForecast(path=path, judges=True, ahead=ahead, recalled=len(watch.recalled))


def could_ask(path: str, checks: Sequence[Check], judges: Judges, place: str | None) -> StepForecast:
    """Tell what checks may ask of an answer that is not there; `place`: of the step that gives it."""
    return StepForecast(path=path, judges=True, ahead=tuple(_open(checks, judges, place)))


def could_judge(planned: PlannedStep, path: str, *, sure: int, most: int) -> Iterator[StepForecast]:
    """Tell what is asked about a step that may run so many times, and for sure not fewer than `sure`."""
    for checks, judges in (
        (planned.step.checks, planned.judges),
        (planned.step.inner_checks, planned.inner_judges),
    ):
        if asked := asking(checks):
            once = tuple(_open(asked, judges, place_of(path)))
            likely = (replace(one, times=one.times * sure) for one in once)
            feared = (replace(one, times=one.times * (most - sure), certainty="again") for one in once)
            ahead = tuple(one for one in (*likely, *feared) if one.times)
            yield StepForecast(path=path, judges=True, ahead=ahead, has_open_list=most > sure)


def _open(checks: Sequence[Check], judges: Judges, place: str | None) -> Iterator[Ahead]:
    for check in checks:
        named = (judges.of(name) for _, name in check.judges_named())
        target = next((found for found in named if found is not None), None)
        if target is not None:
            yield Ahead(certainty="open", request=_guess(check, target, place), times=check.worst_calls)


def _guess(check: Check, target: Target, place: str | None) -> Request:
    said = getattr(getattr(check, "value", None), "source", "")
    size = PROMPT_BYTES + len(as_text(said).encode("utf-8", "surrogatepass"))
    return Request(
        profile=target.profile,
        ceiling=output_ceiling(target.params, target.profile),
        size=size,
        text=size,
        blanks={} if place is None else {place: 1},
        is_known=False,
        problem=target.problem,
    )
