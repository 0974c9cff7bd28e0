"""A trial as the JSON object that JSONL lines and the JSON report hold."""

from promptlab.core.json import JSON
from promptlab.engine.trace import tool_calls_of
from promptlab.schemas.ratings import TrialRating
from promptlab.schemas.run import Asked, StepResult, TrialResult, Verdict


def trial_object(trial: TrialResult) -> dict[str, JSON]:
    key = trial.key
    return {
        "row": key.row,
        "row_id": key.row_id,
        "variant": key.variant,
        "axes": dict(key.axes),
        "repeat": key.repeat,
        "status": trial.status,
        "inputs": dict(trial.inputs),
        "outputs": trial.outputs,
        "steps": {step.id: _step(step) for step in trial.all_steps},
        "checks": [_check(verdict) for verdict in trial.all_verdicts],
        "cost_usd": trial.cost_usd,
        "spent_usd": trial.spent_usd,
        **({"error": trial.error} if trial.error else {}),
        **({"ratings": [rating_object(rating) for rating in trial.ratings]} if trial.ratings else {}),
    }


def rating_object(rating: TrialRating) -> dict[str, JSON]:
    return {
        "thumb": rating.thumb,
        "note": rating.note,
        "who": rating.who,
        "at": rating.at.isoformat(timespec="seconds"),
        "run_id": rating.run_id,
    }


def _step(step: StepResult) -> JSON:
    return {
        "status": step.status,
        "output": step.made,
        "recalled": step.recalled,
        "attempts": step.attempts,
        "model": step.model,
        "usage": {"input_tokens": step.input_tokens, "output_tokens": step.output_tokens},
        "cost_usd": step.cost_usd,
        "latency_ms": rounded(step.latency_ms),
        "error": step.error,
        **({"tool_calls": calls} if (calls := list(tool_calls_of(step))) else {}),
    }


def rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 3)


def _check(verdict: Verdict) -> JSON:
    return {
        "step": verdict.step,
        "name": verdict.name,
        "type": verdict.type,
        "metric": verdict.metric,
        "status": verdict.status,
        "score": verdict.score,
        "reason": verdict.reason,
        **({"asked": _asked(verdict.asked)} if verdict.asked is not None else {}),
    }


def _asked(asked: Asked) -> JSON:
    return {
        "model": asked.model,
        "calls": len(asked.calls),
        "recalled": all(call.recalled for call in asked.calls),
        "usage": {"input_tokens": asked.input_tokens, "output_tokens": asked.output_tokens},
        "cost_usd": asked.cost_usd,
        "latency_ms": round(asked.latency_ms, 3),
    }
