"""How sure a rate or mean of a run is: 95 % intervals, the same whenever they are computed.

The rows are what varies: where a row was tried several times, its trials count as one draw.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from math import sqrt
from operator import itemgetter
from random import Random

from promptlab.core.frozen import frozen
from promptlab.core.numbers import Numbers

Z = 1.959963984540054  # the normal distribution's 97.5 % point
TAILS = (0.025, 0.975)
SEED = 0
RESAMPLES, FEWEST_RESAMPLES = 1000, 200
PICKS = 1_000_000
CLOSED_FROM, CLOSED_ABOVE = 30, 5_000  # rows
KEPT = 8  # numbers of rows whose draws are kept
MOST_SKEWED = 0.35  # of the mean, for the closed form to be nearer than what resampling varies by

type Pick = Callable[[Sequence[float]], Sequence[float]]


@frozen
class Interval:
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"low": self.low, "high": self.high}


@frozen
class Draws:
    """Values summed up for each row: `sums` and how many there were. The mean is one over all values."""

    sums: Sequence[float]
    counts: Sequence[int]

    @property
    def are_single(self) -> bool:
        """Whether every row was tried equally often, so that the mean is that of the rows."""
        return not self.counts or min(self.counts) == max(self.counts)


def draws(
    rows: Numbers[int] | Sequence[int], values: Iterable[float], *, never: int = 0, of: float = 0.0
) -> Draws:
    """Bring together what belongs to a row; `never`: trials that did not come, each with the value `of`."""
    if _are_distinct(rows):
        return Draws(array("d", values) + array("d", [of]) * never, array("l", [1]) * (len(rows) + never))
    sums: dict[int, float] = dict.fromkeys(rows, 0.0)
    counts = dict.fromkeys(rows, 0)
    for row, value in zip(rows, values, strict=True):
        sums[row] += value
        counts[row] += 1
    return Draws(
        array("d", [*sums.values(), *([of] * never)]), array("l", [*counts.values(), *([1] * never)])
    )


def _are_distinct(rows: Numbers[int] | Sequence[int]) -> bool:
    """Say whether no row comes twice, at a byte a row: there may be very many."""
    seen = bytearray(max(rows, default=-1) + 1)
    for row in rows:
        if seen[row]:
            return False
        seen[row] = 1
    return True


def wilson(passed: float, total: float) -> Interval | None:
    """Give Wilson's score interval of a rate; None where there is nothing to rate."""
    if total <= 0:
        return None
    rate, weight = passed / total, Z * Z / total
    middle = (rate + weight / 2) / (1 + weight)
    reach = Z * sqrt(rate * (1 - rate) / total + weight / (4 * total)) / (1 + weight)
    low = 0.0 if passed <= 0 else max(0.0, middle - reach)
    return Interval(low, 1.0 if passed >= total else min(1.0, middle + reach))


def rate_interval(found: Draws) -> Interval | None:
    """Give Wilson's interval of a rate whose values are 0 and 1.

    Where rows were tried several times it is that of as many independent trials as they are worth
    (n / design effect).
    """
    total, passed = sum(found.counts), sum(found.sums)
    if total <= 0:
        return None
    worth = total / _design_effect(found, passed / total, total)
    return wilson(passed / total * worth, worth)


def _design_effect(found: Draws, rate: float, total: int) -> float:
    rows = len(found.counts)
    if rows == total:
        return 1.0
    alone = rate * (1 - rate) / total
    if rows < 2 or alone == 0:  # noqa: PLR2004
        return total / rows
    pairs = zip(found.sums, found.counts, strict=True)
    together = rows / (rows - 1) * sum((one - rate * count) ** 2 for one, count in pairs) / total**2
    return max(1.0, together / alone)


def mean_interval(found: Draws) -> Interval | None:
    """Give the interval that a bootstrap over rows gives for a mean (percentile method).

    Where there are enough rows it is computed from the moments of the bootstrap's distribution, which are
    known; elsewhere rows are drawn, by a seed that is always the same. None for fewer than two rows.
    """
    rows = len(found.counts)
    if rows < 2:  # noqa: PLR2004
        return None
    mean, each = sum(found.sums) / sum(found.counts), sum(found.counts) / rows
    pairs = zip(found.sums, found.counts, strict=True)
    moved = array("d", ((one - mean * count) / each for one, count in pairs))
    variance = sum(value * value for value in moved) / rows
    if variance <= (1e-12 * mean) ** 2:
        return Interval(mean, mean)
    skew = sum(value**3 for value in moved) / rows / variance**1.5 / sqrt(rows)
    if rows > CLOSED_ABOVE or (rows >= CLOSED_FROM and abs(skew) <= MOST_SKEWED):
        excess = (sum(value**4 for value in moved) / rows / variance**2 - 3) / rows
        return _closed(mean, sqrt(variance / rows), skew, excess)
    return _drawn(found)


def _closed(mean: float, error: float, skew: float, excess: float) -> Interval:
    """Follow Cornish and Fisher from the moments of a distribution to its quantiles."""
    low, high = (
        z + (z**2 - 1) * skew / 6 + (z**3 - 3 * z) * excess / 24 - (2 * z**3 - 5 * z) * skew**2 / 36
        for z in (-Z, Z)
    )
    return Interval(mean + low * error, mean + high * error)


def _drawn(found: Draws) -> Interval:
    rows = len(found.counts)
    times = max(FEWEST_RESAMPLES, min(RESAMPLES, PICKS // rows))
    means = sorted(_means(found, times))
    low, high = (quantile(means, share) or 0.0 for share in TAILS)
    return Interval(low, high)


def _means(found: Draws, times: int) -> Iterable[float]:
    rows = len(found.counts)
    drawn = _kept_picks(rows, times) if rows < CLOSED_FROM else _picks(rows, times)
    if found.are_single:
        total = rows * found.counts[0]
        return (sum(pick(found.sums)) / total for pick in drawn)
    return (sum(pick(found.sums)) / sum(pick(found.counts)) for pick in drawn)


@lru_cache(KEPT)
def _kept_picks(rows: int, times: int) -> Sequence[Pick]:
    """Draw once in a process what is the same for every sample of few rows."""
    return tuple(_picks(rows, times))


def _picks(rows: int, times: int) -> Iterator[Pick]:
    random, numbers = Random(SEED), range(rows)  # noqa: S311 - statistics, no secret
    return (itemgetter(*random.choices(numbers, k=rows)) for _ in range(times))


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """Give the value below which `share` of the sorted values lie, interpolated between neighbours."""
    if not ordered:
        return None
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
