"""Strikes at the first, the second, … of something, until nothing is left to strike at."""

from collections.abc import Callable, Iterable

from tests.torture.bench import Finding
from tests.torture.tracing import why_untraceable

type Strike = Callable[[int], list[str] | None]


def swept(trouble: str, numbers: Iterable[int], strike: Strike) -> Finding:
    """Give what broke where; `strike` gives None where the command came to its end before that point."""
    if reason := why_untraceable():
        return Finding(trouble, untried=reason)
    faults: list[str] = []
    tried = 0
    for number in numbers:
        found = strike(number)
        if found is None:
            break
        tried += 1
        faults += [f"at {number}: {fault}" for fault in found]
    return Finding(trouble, tried, tuple(faults))
