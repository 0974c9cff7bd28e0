"""How long a plan takes within the limits there are, and which limits it may reach."""

from collections.abc import Iterable, Iterator

from promptlab.core.words import duration, money
from promptlab.engine.steps.foreach import MOST_ITEMS
from promptlab.engine.throttling.bounds import bounds
from promptlab.live.planning.counting import ModelLoad
from promptlab.live.running import Ceiling
from promptlab.schemas.pipeline import Limits
from promptlab.schemas.plan import Numbers

MINUTE = 60.0


def seconds_of(loads: Iterable[ModelLoad], max_concurrency: int | None) -> float | None:
    """Give how long the calls take: models work side by side. None: nobody knows how long one takes."""
    times = [_seconds(load, max_concurrency) for load in loads]
    known = [seconds for seconds in times if seconds is not None]
    return max(known, default=0.0) if len(known) == len(times) else None


def _seconds(load: ModelLoad, max_concurrency: int | None) -> float | None:
    if load.latency_ms is None:
        return None
    profile = load.profile
    at_once = min(bounds(profile, max_concurrency).start, max(load.calls, 1))
    asked = load.latency_ms / 1000 / at_once
    requests = load.calls / profile.requests_per_minute * MINUTE if profile.requests_per_minute else 0.0
    tokens = load.tokens / profile.tokens_per_minute * MINUTE if profile.tokens_per_minute else 0.0
    return max(asked, requests, tokens)


def limit_warnings(
    total: Numbers, seconds: float | None, limits: Limits, ceilings: Iterable[Ceiling]
) -> Iterator[str]:
    """Say which limits a run may reach before its end, and which it will. `ceilings` are those of cost."""
    for ceiling in ceilings:
        yield from _cost_warnings(total, ceiling)
    if limits.total_tokens is not None:
        yield from _worst_warnings(total.worst_tokens, limits.total_tokens, "tokens", "total_tokens")
    if limits.requests is not None:
        yield from _worst_warnings(total.worst_calls, limits.requests, "calls", "requests")
    if limits.seconds is not None and seconds is not None and seconds > limits.seconds:
        yield _may_stop(f"about {duration(seconds)} is over", f"seconds: {limits.seconds:g}")


def _cost_warnings(total: Numbers, ceiling: Ceiling) -> Iterator[str]:
    room = max(ceiling.room, 0.0)
    left = f", of which {money(room)} is left" if ceiling.spent else ""
    limit = f"{ceiling.name}: {money(ceiling.usd)}{left}"
    if total.expected_usd is not None and total.expected_usd > room:
        yield (
            f"{money(total.expected_usd)} expected is over the limit `{limit}`: "
            "the run will probably stop before its end, with exit code 4"
        )
    elif total.worst_usd is not None and total.worst_usd > room:
        yield _may_stop(f"{money(total.worst_usd)} at worst is over", limit)


def _worst_warnings(worst: float, most: int, noun: str, name: str) -> Iterator[str]:
    if worst > most:
        yield _may_stop(f"{worst:,.0f} {noun} at worst are over", f"{name}: {most:,}")


def _may_stop(what: str, limit: str) -> str:
    return f"{what} the limit `{limit}`: the run may stop before its end, with exit code 4"


def model_warnings(total: Numbers, loads: Iterable[ModelLoad]) -> Iterator[str]:
    """Say which models cannot be asked as things are, and what about them is unknown."""
    unpriced: list[str] = []
    for load in loads:
        if load.problem is not None:
            yield f"{load.profile.name} cannot be asked: {load.problem}"
        if load.profile.price is None:
            unpriced.append(load.profile.name)
    if unpriced:
        names = ", ".join(sorted(unpriced))
        yield f"the price of {names} is unknown; say it under `prices` in promptlab.yaml"
    if total.has_open_list:
        yield (
            f"the length of a list hangs on an answer: at worst it has {MOST_ITEMS:,} items, or the "
            "`maxItems` of its schema, and what is expected counts none of them"
        )
    if total.is_soft:
        yield "the worst case is soft: an answer, or what a function gives, has no known ceiling"
