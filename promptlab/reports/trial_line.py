"""A trial as the JSON object that JSONL lines and the JSON report hold."""

from promptlab.core.json import JSON
from promptlab.schemas.run import StepResult, TrialResult, Verdict


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
        "latency_ms": round(step.latency_ms, 3),
        "error": step.error,
    }


def _check(verdict: Verdict) -> JSON:
    return {
        "step": verdict.step,
        "name": verdict.name,
        "type": verdict.type,
        "metric": verdict.metric,
        "status": verdict.status,
        "score": verdict.score,
        "reason": verdict.reason,
    }
