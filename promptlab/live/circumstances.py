"""What a run was made with besides its files and options: for a resume, which must be made with the same."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from promptlab.core.json import JSON, digest
from promptlab.engine.completion import FINGERPRINT_VERSION
from promptlab.engine.plan import Plan

FORMAT = 1  # of what a run keeps for its resume; those of another are not resumed

type TrialName = tuple[str, str, int]


def circumstances(
    plan: Plan, *, model: str | None, spent: float = 0.0, failed: Collection[TrialName] | None = None
) -> dict[str, JSON]:
    """Give them as the log keeps them.

    `model`: what the settings say for steps that name none; `spent`: what of --max-cost was gone before;
    `failed`: the trials that --failed chose.
    """
    return {
        "format": FORMAT,
        "fingerprints": FINGERPRINT_VERSION,
        "model": model,
        "spent": spent,
        "endpoints": _endpoints(plan),
        **({"failed": _digest_of(failed)} if failed is not None else {}),
    }


def can_be_read(kept: Mapping[str, Any]) -> bool:
    """Say whether a run was kept as this version keeps it."""
    return (kept.get("format"), kept.get("fingerprints")) == (FORMAT, FINGERPRINT_VERSION)


def differences(kept: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Say what is not as it was, as parts of a sentence."""
    before, after = kept["endpoints"], now["endpoints"]
    for name in before.keys() | after.keys():
        if name not in before or name not in after:
            yield f"it did not ask {name}" if name in after else f"{name} is not asked any more"
        elif before[name] != after[name]:
            yield f"{name} was asked at {before[name][0]}, and is at {after[name][0]} now"
    if kept.get("failed") != now.get("failed"):
        yield "the run that --failed names has been resumed since"


def _endpoints(plan: Plan) -> dict[str, JSON]:
    endpoints = {profile.name: profile.endpoint for profile in plan.profiles()}
    return {name: [endpoint.identity, endpoint.api] for name, endpoint in sorted(endpoints.items())}


def _digest_of(trials: Iterable[TrialName]) -> str:
    return digest([list(trial) for trial in sorted(trials)])
