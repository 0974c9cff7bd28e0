"""One trial as the API tells it, with all that it asked."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from promptlab.schemas.api.base import Answer
from promptlab.schemas.api.ratings import CountingRating
from promptlab.schemas.api.trials import Check
from promptlab.schemas.pages import AnswerLine, AttemptLine, OneTrial, WholeCall
from promptlab.schemas.run import Asked, StepCall, StepResult, TrialStatus, Verdict


class Judged(Answer):
    """What was asked of a model that judges."""

    model: str | None
    calls: list["Call"]
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    spent_usd: float | None
    latency_ms: float

    @classmethod
    def of(cls, asked: Asked) -> "Judged":
        return cls(**{**_plain(asked), "calls": [Call.of(call) for call in asked.calls]})


class WholeCheck(Check):
    metric: str | None
    weight: float
    asked: Judged | None

    @classmethod
    def of(cls, verdict: Verdict) -> "WholeCheck":
        asked = Judged.of(verdict.asked) if verdict.asked is not None else None
        known = {name: getattr(verdict, name) for name in cls.model_fields if name != "asked"}
        return cls(**known, asked=asked)


class Call(Answer):
    """A call of a step or a judge. `completion_id`: its answer, as `answers` and `calls/` name it."""

    fingerprint: str
    completion_id: int | None
    recalled: bool
    attempts: int
    tool: bool

    @classmethod
    def of(cls, call: StepCall) -> "Call":
        return cls(**_plain(call))


class Step(Answer):
    """A step; `id` is the path of one inside another: `parts[2].part`. `output` null where there is none."""

    id: str
    status: TrialStatus
    output: Any
    messages: list[Mapping[str, Any]]
    model: str | None
    calls: list[Call]
    recalled: bool
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    spent_usd: float | None
    latency_ms: float | None
    finish_reason: str | None
    error: str | None
    error_kind: str | None
    checks: list[WholeCheck]

    @classmethod
    def of(cls, step: StepResult) -> "Step":
        made = {
            "output": step.made,
            "messages": [*step.messages],
            "calls": [Call.of(call) for call in step.calls],
            "checks": [WholeCheck.of(verdict) for verdict in step.verdicts],
        }
        return cls(**{name: getattr(step, name) for name in cls.model_fields if name not in made}, **made)


class RecordedAnswer(Answer):
    """An answer on record. `run_id`: the run that bought it; cost and latency are of then."""

    id: int
    fingerprint: str
    run_id: str
    created_at: datetime
    provider: str
    model: str
    finish_reason: str
    answered_by: str
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    cost_usd: float | None
    latency_ms: float
    first_token_ms: float | None
    attempts: int

    @classmethod
    def of(cls, answer: AnswerLine) -> "RecordedAnswer":
        return cls(**_plain(answer))


class Attempt(Answer):
    number: int
    fingerprint: str
    state: Annotated[str, Field(description="intent, received, failed or unknown")]
    status_code: int | None
    error_kind: str | None
    error: str | None
    spent_usd: float | None
    sent_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, attempt: AttemptLine) -> "Attempt":
        return cls(**_plain(attempt))


class WholeTrial(Answer):
    """A trial with its steps, those inside others after them, and with the answers that they used.

    `attempts` are those of calls that took more than one or got no answer.
    """

    id: int
    place: str
    run_id: str
    row: int
    row_id: str
    cell: str
    variant: str
    axes: Mapping[str, Any]
    repeat: int
    status: TrialStatus
    inputs: Mapping[str, Any]
    columns: Mapping[str, Any]
    outputs: Any
    tags: list[str]
    error: str | None
    score: float | None
    cost_usd: float | None
    spent_usd: float | None
    latency_ms: float | None
    steps: list[Step]
    checks: Annotated[list[WholeCheck], Field(description="Those of the pipeline.")]
    answers: list[RecordedAnswer]
    attempts: list[Attempt]
    previous: Annotated[str | None, Field(description="The place of the trial before it in the run.")]
    next: str | None
    before: TrialStatus | None
    ratings: list[CountingRating]

    @classmethod
    def of(cls, run_id: str, one: OneTrial) -> "WholeTrial":
        trial, key = one.trial, one.trial.key
        named = {name: getattr(key, name) for name in ("row", "row_id", "cell", "variant", "axes", "repeat")}
        same = (
            "status",
            "inputs",
            "columns",
            "outputs",
            "error",
            "score",
            "cost_usd",
            "spent_usd",
            "latency_ms",
        )
        return cls(
            id=one.id,
            place=one.place,
            run_id=run_id,
            **named,
            **{name: getattr(trial, name) for name in same},
            tags=[*trial.tags],
            steps=[Step.of(step) for step in trial.all_steps],
            checks=[WholeCheck.of(verdict) for verdict in trial.verdicts],
            answers=[RecordedAnswer.of(answer) for answer in one.answers.values()],
            attempts=[Attempt.of(line) for lines in one.attempts.values() for line in lines],
            previous=one.before,
            next=one.after,
            ratings=[CountingRating.of(rating) for rating in trial.ratings],
            before=one.then,
        )


class RecordedCall(Answer):
    """A request as it was recorded and its answer; `raw`: the bytes that came, as text."""

    answer: RecordedAnswer
    request: Any
    text: str
    raw: str

    @classmethod
    def of(cls, call: WholeCall) -> "RecordedCall":
        return cls(answer=RecordedAnswer.of(call.answer), request=call.request, text=call.text, raw=call.raw)


def _plain(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}
