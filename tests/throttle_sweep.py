"""Providers of every kind and size, and how the throttle does with each: `python -m tests.throttle_sweep`."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random
from typing import Literal

from tests.quick_simulation import QuickSimulation
from tests.simulated import Simulated

SIZES = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500)
LATENCIES = (0.05, 0.3, 1.0, 5.0)
MINUTE = 60.0
OUTAGE = (20.0, 35.0)
ENOUGH_CALLS = 50.0  # that tell a share: of a call in five seconds, a minute has twelve
ENOUGH_PAUSES = 18  # times a Retry-After: a single one is not to decide
MOST_CALLS = 500.0  # a second, which the simulation can do in reasonable time


@dataclass(frozen=True, slots=True)
class Provider:
    """Takes `size` calls at once, or a second after a burst. `late`: a refusal takes up to half a second."""

    limits: Literal["at once", "a second"]
    size: int
    latency: float
    burst: float = 1.0
    retry_after: float | None = None
    late: bool = False
    outage: bool = False

    @property
    def calls_a_second(self) -> float:
        return self.size if self.limits == "a second" else self.size / self.latency

    def simulated(self, seed: int) -> Simulated:
        return Simulated(
            lambda _: self.size if self.limits == "at once" else 1e9,
            latency=self.latency,
            refusal_latency=min(self.latency, 0.5) if self.late else 0.01,
            rate=self.size if self.limits == "a second" else None,
            burst=self.burst,
            fault=lambda now: 429 if self.outage and OUTAGE[0] <= now < OUTAGE[1] else None,
            retry_after=self.retry_after,
            random=Random(f"{self} {seed}"),
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """The share of the capacity from a minute on, and the share of calls refused then and in all."""

    share: float
    refused_then: float
    refused: float


def outcome(provider: Provider, seed: int) -> Outcome:
    """Run a minute, after an outage one more, and then as long as it takes to tell, or several pauses."""
    start = MINUTE + (OUTAGE[1] if provider.outage else 0.0)
    pauses = ENOUGH_PAUSES * (provider.retry_after or 0.0)
    least = 60.0 if provider.calls_a_second <= 10 else 20.0
    end = start + max(least, ENOUGH_CALLS / provider.calls_a_second, pauses)
    model = provider.simulated(seed)
    run = QuickSimulation(model, int(3 * provider.calls_a_second * provider.latency) + 40, end)
    done = run.rate(start, end) if provider.limits == "a second" else run.busy(start, end) / provider.latency
    return Outcome(
        done / provider.calls_a_second,
        max(0, run.refused(start, end) - 3) / max(1, run.rate(start, end) * (end - start)),
        max(0, run.refused() - 60) / max(1, run.rate(0, end) * end),
    )


def providers() -> Iterator[Provider]:
    kinds = product(SIZES, LATENCIES, (None, 1.0), (False, True), (False, True))
    for size, latency, retry_after, late, outage in kinds:
        if size / latency <= MOST_CALLS:
            yield Provider("at once", size, latency, 1.0, retry_after, late, outage)
        for burst in sorted({max(1.0, size / 20), max(2.0, float(size)), max(2.0, 5.0 * size)}):
            yield Provider("a second", size, latency, burst, retry_after, late, outage)


def main(seeds: int = 1, share: float = 1.0) -> int:
    """Say which providers fall short; give how many."""
    chosen = [provider for provider in providers() if Random(str(provider)).random() < share]
    short = 0
    for provider, seed in product(chosen, range(seeds)):
        found = outcome(provider, seed)
        if found.share < 0.8 or found.refused_then > 0.05 or found.refused > 0.2:
            short += 1
            sys.stdout.write(f"{found} {provider} seed {seed}\n")
    sys.stdout.write(f"{short} of {len(chosen) * seeds} fall short\n")
    return short


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]), *(float(argument) for argument in sys.argv[2:3]))
