"""How far a run is: from its events, or from the log where it lives elsewhere."""

from typing import Any

from promptlab.core.display import shortened
from promptlab.live.counts import RunCounts
from promptlab.schemas.log import RunRecord

STATUSES = ("passed", "failed", "errored", "skipped")
MOST_MODELS = 8
LONGEST_REASON = 200


def figures_of(counts: RunCounts) -> dict[str, Any]:
    """Give them of a run that goes on; `paused` in seconds, by model; costs in USD, None: unknown."""
    stopped = counts.stopped.reason if counts.stopped is not None else None
    return {
        "status": "running",
        "planned": counts.planned,
        "done": counts.done,
        **{status: counts.trials[status] for status in STATUSES},  # type: ignore[index]
        "sent": counts.sent,
        "attempts": counts.attempts,
        "recalled": counts.recalled,
        "in_flight": counts.in_flight,
        "cost_usd": counts.cost_usd,
        "spent_usd": counts.spent_usd,
        "paused": dict([*counts.paused.items()][:MOST_MODELS]),
        "closed": {m: shortened(why, LONGEST_REASON) for m, why in [*counts.closed.items()][:MOST_MODELS]},
        "reason": shortened(stopped, LONGEST_REASON) if stopped is not None else None,
    }


def figures_in(run: RunRecord) -> dict[str, Any]:
    """Give them as the log has them."""
    return {
        "status": run.status,
        "planned": run.planned,
        "done": run.done,
        **{status: getattr(run, status) for status in STATUSES},
        "sent": run.sent,
        "attempts": run.attempts,
        "recalled": run.recalled,
        "in_flight": None,
        "cost_usd": run.cost_usd,
        "spent_usd": run.spent_usd,
        "paused": {},
        "closed": {},
        "reason": shortened(run.reason, LONGEST_REASON) if run.reason is not None else None,
    }
