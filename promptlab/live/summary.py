"""How a run ended, as a summary and an exit code."""

from collections.abc import Mapping
from dataclasses import field, replace

from promptlab.analysis.telling import measured_of, rates_of, values_of
from promptlab.core.frozen import frozen
from promptlab.core.words import plural
from promptlab.engine.brake import Stop
from promptlab.engine.completion import CallFailure
from promptlab.engine.plan import Plan
from promptlab.live.counts import RunCounts
from promptlab.live.scores import Scores
from promptlab.schemas.report import UNRECORDED, Calls, RunSummary, Unrecorded, paid
from promptlab.schemas.run import RunStatus
from promptlab.schemas.throttle import ThrottleCourse

USAGE, CANNOT_GO_ON, LIMITED, NOT_PASSED, INTERRUPTED = 2, 3, 4, 1, 130


@frozen
class Ending:
    """`closures`: models that were closed, and why. `signal_code`: 130 or 143 if a signal ended the run.

    `was_sent`: whether any call left; if none did, a model that cannot be asked is a matter of usage.
    `is_soft`: a limit could not be kept exactly. `again`: trials that errored before a run was resumed, and
    were not come to again. `unrecorded`: what a replay had no recording of.
    """

    seconds: float
    stop: Stop | None = None
    closures: Mapping[str, CallFailure] = field(default_factory=dict)
    signal_code: int | None = None
    was_sent: bool = True
    is_soft: bool = False
    throttle: Mapping[str, ThrottleCourse] = field(default_factory=dict)
    again: int = 0
    unrecorded: tuple[Unrecorded, ...] = ()


def summarise(plan: Plan, run_id: str, counts: RunCounts, scores: Scores, ending: Ending) -> RunSummary:
    """Put together what a run's end says; the first exit code that applies."""
    gates = scores.gates()
    left = counts.planned - counts.done + ending.again + counts.left
    ending = replace(ending, closures=_in_the_way(plan, ending.closures))
    spent_usd = paid(counts.spent_usd, counts.unknown_usd)
    code, status = _verdict(ending, left=left, passed=scores.passed(gates))
    return RunSummary(
        run_id=run_id,
        pipeline=plan.pipeline,
        status=status,
        trials={str(status): count for status, count in counts.trials.items()},
        calls=Calls(sent=counts.sent, attempts=counts.attempts, recalled=counts.recalled),
        metrics={**scores.total.values, "spent_usd": spent_usd},
        cells=values_of(scores.cells),
        checks=rates_of(scores.cells),
        measured=measured_of(scores.total, scores.cells, scores.detail()),
        gates=gates,
        planned=counts.planned,
        unread=counts.unread,
        unfit=counts.unfit,
        cost_usd=counts.cost_usd,
        spent_usd=spent_usd,
        seconds=ending.seconds,
        unknown=counts.unknown,
        unknown_usd=counts.unknown_usd,
        is_soft=ending.is_soft,
        throttle=ending.throttle,
        stood_in=tuple(counts.stood_in.values()),
        unrecorded=ending.unrecorded,
        stopped=_reason(ending) if left or ending.signal_code is not None else None,
        stopped_by=ending.stop.kind if ending.stop is not None and left else None,
        has_got_on=counts.has_got_on,
        exit_code=code,
    )


def _in_the_way(plan: Plan, closures: Mapping[str, CallFailure]) -> Mapping[str, CallFailure]:
    """Give the closures that left some step without a model; where a fallback is open, none did."""
    ends = plan.dead_ends(closures)
    return {model: failure for model, failure in closures.items() if model in ends}


def _verdict(ending: Ending, *, left: int, passed: bool) -> tuple[int, RunStatus]:
    if ending.signal_code is not None:
        return ending.signal_code, "interrupted"
    if ending.unrecorded and left:
        return USAGE, "errored"
    if ending.closures and left:
        return CANNOT_GO_ON if ending.was_sent else USAGE, "errored"
    stopped_by = ending.stop.kind if ending.stop is not None and left else None
    if stopped_by == "limit":
        return LIMITED, "limited"
    if stopped_by == "interrupted":
        return INTERRUPTED, "interrupted"
    return (0, "passed") if passed and stopped_by is None else (NOT_PASSED, "failed")


def _reason(ending: Ending) -> str | None:
    stop = [ending.stop.reason] if ending.stop is not None else []
    closed = (_about(model, failure.message) for model, failure in ending.closures.items())
    lacking = [f"{UNRECORDED}{plural(len(ending.unrecorded), 'answer')}"] if ending.unrecorded else []
    return "; ".join([*lacking, *stop, *closed]) or None


def _about(model: str, message: str) -> str:
    return message if message.startswith(model) else f"{model}: {message}"
