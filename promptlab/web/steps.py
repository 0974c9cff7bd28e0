"""The steps of a trial as its page shows them, with what became of each of their calls."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from promptlab.core.frozen import frozen
from promptlab.schemas.pages import AnswerLine, AttemptLine, OneTrial
from promptlab.schemas.run import StepCall, StepResult, Verdict

WIDTH = 1000  # of the timeline


@frozen(kw_only=True)
class CallView:
    """`says`: what it was, in words. `answer`: what is on record of it, None where that was pruned."""

    call: StepCall
    says: str
    bought_by: str | None
    answer: AnswerLine | None
    attempts: Sequence[AttemptLine]


@frozen(kw_only=True)
class StepView:
    """`depth`: in how many others it stands; `left`, `width`: its share of the time, of 1000."""

    step: StepResult
    depth: int
    left: int
    width: int
    calls: tuple[CallView, ...]
    judged: tuple[tuple[Verdict, tuple[CallView, ...]], ...]


def step_views(one: OneTrial) -> list[StepView]:
    whole = sum(step.latency_ms or 0.0 for step in one.trial.all_steps) or 1.0
    spent = 0.0
    views = []
    for depth, step in _with_depth(one.trial.steps):
        took = step.latency_ms or 0.0
        left, right = (round(WIDTH * at / whole) for at in (spent, spent + took))
        spent += took
        views.append(
            StepView(
                step=step,
                depth=depth,
                left=left,
                width=max(right - left, 2),
                calls=_calls(one, step.calls),
                judged=judged(one, step.verdicts),
            )
        )
    return views


def judged(one: OneTrial, verdicts: Sequence[Verdict]) -> tuple[tuple[Verdict, tuple[CallView, ...]], ...]:
    """Give verdicts, those that did not pass first, each with what it asked of models."""
    order: Mapping[str, int] = {"failed": 0, "errored": 0}
    found = sorted(verdicts, key=lambda verdict: order.get(verdict.status, 1))
    return tuple((one_, _calls(one, one_.asked.calls if one_.asked else ())) for one_ in found)


def _with_depth(steps: Sequence[StepResult], depth: int = 0) -> Iterator[tuple[int, StepResult]]:
    for step in steps:
        yield depth, step
        yield from _with_depth(step.inner, depth + 1)


def _calls(one: OneTrial, calls: Sequence[StepCall]) -> tuple[CallView, ...]:
    return tuple(_call(one, call) for call in calls)


def _call(one: OneTrial, call: StepCall) -> CallView:
    answer: Any = one.answers.get(call.completion_id or 0)
    if answer is not None and answer.fingerprint != call.fingerprint:
        answer = None  # the id of an answer that was pruned may be another's
    return CallView(
        call=call,
        says=_says(call),
        bought_by=answer.run_id if answer is not None else None,
        answer=answer,
        attempts=one.attempts.get(call.fingerprint, ()),
    )


def _says(call: StepCall) -> str:
    what = "what a tool gave" if call.tool else "the answer"
    if call.recalled:
        return f"{what} was recalled: the same request had been answered"
    if not call.attempts:
        return f"{what} came with another's call: the same request was on its way"
    if call.attempts == 1:
        return "sent: no answer to this request was on record"
    return f"sent, in {call.attempts} attempts: no answer to this request was on record"
