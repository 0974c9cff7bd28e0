"""How a metric changed in a turn of a watch, in words; and whether by more than it does by itself."""

from collections.abc import Iterable

from promptlab.core.words import money
from promptlab.live.watching.turn import MetricChange

LATENCY_NOISE, LATENCY_NOISE_MS = 0.25, 20.0
COST_NOISE = 0.05
SHARES = ("pass_rate", "error_rate")
LESS_IS_BETTER = ("error_rate", "cost_usd", "latency_ms")


def moved(changes: Iterable[MetricChange], *, called: bool) -> list[MetricChange]:
    """Give those that moved in this turn, by more than they do by themselves; `called`: calls were made."""
    return [change for change in changes if _is_seen(change, called=called)]


def is_better(change: MetricChange) -> bool | None:
    """Say whether a metric moved to the better in this turn; None: it did not move."""
    if not change.since_last:
        return None
    return (change.since_last < 0) == change.name.startswith(LESS_IS_BETTER)


def number(name: str, value: float | None) -> str:
    """Give the value of a metric as people read it."""
    if value is None:
        return "–"
    if name in SHARES:
        return f"{value * 100:.1f} %"
    if name == "cost_usd":
        return money(value)
    return f"{value:.0f} ms" if name.startswith("latency_ms") else f"{value:.3f}"


def signed(name: str, difference: float | None) -> str:
    if difference is None:
        return "–"
    return f"{'+' if difference > 0 else '-'}{number(name, abs(difference))}"


def since_start(change: MetricChange) -> str:
    if change.since_start is not None and _is_nothing(change.name, change.since_start):
        return "as at the start"
    return f"{signed(change.name, change.since_start)} since the start"


def _is_seen(change: MetricChange, *, called: bool) -> bool:
    by = abs(change.since_last or 0.0)
    before = abs((change.value or 0.0) - (change.since_last or 0.0))
    if change.name.startswith("latency_ms"):
        return called and by > max(LATENCY_NOISE_MS, LATENCY_NOISE * before)
    if change.name == "cost_usd" and by <= COST_NOISE * before:
        return False
    return not _is_nothing(change.name, by)


def _is_nothing(name: str, by: float) -> bool:
    """Say whether it would be shown as a change by 0."""
    return number(name, abs(by)) == number(name, 0.0)
