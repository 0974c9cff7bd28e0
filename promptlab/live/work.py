"""What the recorder puts to its writer, and the rows that each becomes."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection

from promptlab.core.frozen import frozen
from promptlab.core.json import as_text
from promptlab.engine.call_log import Intent
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.places import place_of
from promptlab.models.base import Written, json_text
from promptlab.schemas.run import MISSING, Asked, StepCall, StepResult, TrialResult, Verdict
from promptlab.schemas.sources import NO_SOURCES, Sources

type Values = dict[str, Any]

_LOGPROB = 20  # bytes of one, as JSON


@frozen
class Intended:
    intent: Intent


@frozen
class Settled:
    attempt_id: int
    intent: Intent
    answer: Completion | CallFailure

    @property
    def request(self) -> CompletionRequest:
        return self.intent.request

    @property
    def left(self) -> bool:
        return isinstance(self.answer, Completion) or self.answer.outcome != "unsent"

    @property
    def spent_usd(self) -> float | None:
        """Give what the attempt cost; one of unknown outcome is as dear as it may have been."""
        if isinstance(self.answer, Completion):
            return self.answer.cost_usd
        return self.intent.reserved_usd if self.answer.outcome == "unknown" else 0.0


@frozen
class Kept:
    """An answer that no attempt was made for: what a function of the project gave."""

    request: CompletionRequest
    answer: Completion


@frozen(slots=False)
class Finished:
    """`sources`: what the steps of the trial's cell are made of, by path; `spared`: repeats not needed.

    `recalled`: the calls that were recalled since the trial before it.
    """

    trial: TrialResult
    cell_index: int
    sources: Mapping[str, Sources] = field(default_factory=dict)
    spared: int = 0
    recalled: int = 0

    @cached_property
    def inputs_digest(self) -> str:
        return _digest(self.inputs)

    @cached_property
    def row_digest(self) -> str:
        return _digest(f"[{self.inputs},{self.columns}]")

    def sources_of(self, step: StepResult) -> Sources:
        return self.sources.get(place_of(step.id), NO_SOURCES)

    @cached_property
    def inputs(self) -> Written:
        return Written(json_text(self.trial.inputs))

    @cached_property
    def columns(self) -> Written:
        return Written(json_text(self.trial.columns))


@frozen
class Recalled:
    """Calls that were recalled since the last trial."""

    count: int


@frozen
class Job:
    """Anything else that is written; done after the rest of its group."""

    do: Callable[[Connection], None]


def attempt_values(intent: Intent, *, run_id: str, now: datetime) -> Values:
    return {
        "run_id": run_id,
        "fingerprint": intent.request.fingerprint,
        "provider": intent.request.endpoint.provider,
        "model": intent.request.model,
        "number": intent.number,
        "state": "intent",
        "reserved_usd": intent.reserved_usd,
        "reserved_tokens": intent.reserved_tokens,
        "sent_at": now,
    }


def completion_values(
    request: CompletionRequest, answer: Completion, *, run_id: str, now: datetime
) -> Values:
    usage = answer.usage
    return {
        "fingerprint": request.fingerprint,
        "run_id": run_id,
        "created_at": now,
        "provider": request.endpoint.provider,
        "model": request.model,
        "request": request.as_json(),
        "text": answer.text,
        "tool_calls": [call.as_json() for call in answer.tool_calls] or MISSING,
        "finish_reason": answer.finish_reason,
        "answered_by": answer.answered_by,
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "cost_usd": answer.cost_usd,
        "latency_ms": answer.latency_ms,
        "first_token_ms": answer.first_token_ms,
        "attempts": answer.attempts,
        "raw": answer.raw,
        "logprobs": MISSING if answer.logprobs is None else answer.logprobs,
    }


def settled_values(settled: Settled, completion_id: int | None, *, now: datetime) -> Values:
    answer = settled.answer
    failure = answer if isinstance(answer, CallFailure) else None
    return {
        "attempt_id": settled.attempt_id,
        "state": _state(failure),
        "spent_usd": settled.spent_usd,
        "status_code": failure and failure.status,
        "error_kind": failure and failure.kind,
        "error": failure and failure.message,
        "completion_id": completion_id,
        "ended_at": now,
    }


def _state(failure: CallFailure | None) -> str:
    if failure is None:
        return "received"
    return "unknown" if failure.outcome == "unknown" else "failed"


def row_values(finished: Finished) -> Values:
    return {"digest": finished.row_digest, "inputs": finished.inputs, "columns": finished.columns}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def trial_values(finished: Finished, *, run_id: str, now: datetime) -> Values:
    trial, key = finished.trial, finished.trial.key
    return {
        "run_id": run_id,
        "row": key.row,
        "row_id": key.row_id,
        "row_digest": finished.row_digest,
        "cell_index": finished.cell_index,
        "cell": key.cell,
        "variant": key.variant,
        "axes": key.axes,
        "repeat": key.repeat,
        "status": trial.status,
        "outputs": trial.outputs,
        "tags": trial.tags,
        "error": trial.error,
        "score": trial.score,
        "cost_usd": trial.cost_usd,
        "spent_usd": trial.spent_usd,
        "latency_ms": trial.latency_ms,
        "finished_at": now,
    }


def step_values(trial_id: int, position: int, step: StepResult, finished: Finished) -> Values:
    sources = finished.sources_of(step)
    return {
        "trial_id": trial_id,
        "position": position,
        "step": step.id,
        "status": step.status,
        "output": step.output,
        "messages": step.messages,
        "said": step.said,
        "calls": _calls(step.calls),
        "model": step.model,
        "input_tokens": step.input_tokens,
        "output_tokens": step.output_tokens,
        "cost_usd": step.cost_usd,
        "spent_usd": step.spent_usd,
        "latency_ms": step.latency_ms,
        "finish_reason": step.finish_reason,
        "error": step.error,
        "error_kind": step.error_kind,
        "template_digest": sources.template,
        "includes_digest": sources.includes,
        "row_digest": finished.inputs_digest,
        "code_digest": sources.code,
        "logprobs": MISSING if step.logprobs is None else step.logprobs,
    }


def verdict_values(trial_id: int, trial: TrialResult) -> Iterator[Values]:
    for position, (step_position, verdict) in enumerate(_judged(trial)):
        yield {
            "trial_id": trial_id,
            "position": position,
            "step_position": step_position,
            "step": verdict.step,
            "name": verdict.name,
            "type": verdict.type,
            "metric": verdict.metric,
            "status": verdict.status,
            "score": verdict.score,
            "weight": verdict.weight,
            "severity": verdict.severity,
            "reason": verdict.reason,
            "asked": MISSING if verdict.asked is None else _asked(verdict.asked),
        }


def _asked(asked: Asked) -> Values:
    return {
        "model": asked.model,
        "calls": _calls(asked.calls),
        "input_tokens": asked.input_tokens,
        "output_tokens": asked.output_tokens,
        "cost_usd": asked.cost_usd,
        "spent_usd": asked.spent_usd,
        "latency_ms": asked.latency_ms,
    }


def _calls(calls: Iterable[StepCall]) -> list[tuple[object, ...]]:
    return [(call.fingerprint, call.completion_id, call.recalled, call.attempts, call.tool) for call in calls]


def _judged(trial: TrialResult) -> Iterator[tuple[int | None, Verdict]]:
    for position, step in enumerate(trial.all_steps):
        for verdict in step.verdicts:
            yield position, verdict
    for verdict in trial.verdicts:
        yield None, verdict


def weight_of(trial: TrialResult) -> int:
    """Give about how many bytes a trial takes while it waits."""
    return 4_000 + sum(map(_weight_of_step, trial.all_steps))


def _weight_of_step(step: StepResult) -> int:
    output = step.output
    size = len(output) if isinstance(output, str) else 0 if output is MISSING else 1_000
    said = sum(map(_length, step.messages))
    return size + said + _LOGPROB * len(step.logprobs or ())


def _length(message: Mapping[str, Any]) -> int:
    content = message.get("content")
    return len(content) if isinstance(content, str) else len(as_text(content))
