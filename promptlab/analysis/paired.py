"""A metric of the same rows at two sides: how far it fell, how sure that is, and what would be noticed."""

from collections.abc import Collection, Mapping
from math import ceil, log2, sqrt
from statistics import NormalDist

from promptlab.analysis.intervals import Interval, draws, mean_interval
from promptlab.analysis.sign_flip import sign_flip
from promptlab.core.frozen import frozen
from promptlab.core.json import JSON

POWER = 0.8  # how often a drop is noticed that is called detectable

type RowValues = Mapping[str, float]  # by the row's id


@frozen(kw_only=True)
class Paired:
    """What rows say that are at both sides. `fall` is what the metric lost on average; it gained if negative.

    `rows`: how many were paired, `of`: how many there are at either side; `fell` and `rose`: the ids of
    those that did. `chance`: the one-sided p-value of "not worse". `detectable`: the smallest fall that so
    many rows show four times out of five; None where nothing is known of how rows vary.
    """

    base: float
    head: float
    rows: int
    of: int
    fall: float
    interval: Interval | None
    chance: float
    detectable: float | None
    fell: tuple[str, ...] = ()
    rose: tuple[str, ...] = ()
    deviation: float = 0.0

    @property
    def are_enough(self) -> bool:
        return self.rows > 0 and 2 * self.rows >= self.of

    def rows_to_decide(self, level: float) -> int | None:
        """Give with how many such rows a fall like this would be noticed four times out of five."""
        if self.fall <= 0:
            return None
        spread = (_z(1 - level) + _z(POWER)) * self.deviation / self.fall
        moved = (len(self.fell) + len(self.rose)) / self.rows
        return max(self.rows + 1, ceil(spread**2), ceil(log2(1 / level) / moved))

    def as_json(self) -> dict[str, JSON]:
        return {
            "base": self.base,
            "head": self.head,
            "paired": self.rows,
            "rows": self.of,
            "difference": self.head - self.base,
            "interval": {**self.interval.as_json()} if self.interval else None,
            "p": self.chance,
            "detectable": self.detectable,
            "fell": len(self.fell),
            "rose": len(self.rose),
        }


def pair(
    base: RowValues, head: RowValues, *, more_is_worse: bool = False, level: float = 0.05
) -> Paired | None:
    """Compare a metric row by row; None where no row is at both sides.

    `more_is_worse`: what fell is then what rose. `interval`: of `fall`, 95 %, by a bootstrap over rows.
    """
    shared = sorted(base.keys() & head.keys())
    if not shared:
        return None
    sign = -1.0 if more_is_worse else 1.0
    falls = [sign * (base[name] - head[name]) for name in shared]
    return Paired(
        base=sum(base[name] for name in shared) / len(shared),
        head=sum(head[name] for name in shared) / len(shared),
        rows=len(shared),
        of=len(base.keys() | head.keys()),
        fall=sum(falls) / len(falls),
        interval=mean_interval(draws(range(len(falls)), falls)),
        chance=sign_flip(falls),
        detectable=_detectable(falls, level),
        fell=tuple(name for name, fall in zip(shared, falls, strict=True) if fall > 0),
        rose=tuple(name for name, fall in zip(shared, falls, strict=True) if fall < 0),
        deviation=_deviation(falls),
    )


def _detectable(falls: Collection[float], level: float) -> float | None:
    """Give the smallest mean fall that is noticed: by how rows vary, and by what so few can show at all."""
    sizes = [abs(fall) for fall in falls if fall]
    typical = sum(sizes) / len(sizes) if sizes else 1.0
    fewest = ceil(log2(1 / level)) * typical / len(falls)
    spread = (_z(1 - level) + _z(POWER)) * _deviation(falls) / sqrt(len(falls))
    found = max(fewest, spread)
    return found if sizes or found <= 1 else None


def _deviation(falls: Collection[float]) -> float:
    mean = sum(falls) / len(falls)
    return sqrt(sum((fall - mean) ** 2 for fall in falls) / len(falls))


def _z(share: float) -> float:
    return NormalDist().inv_cdf(share)
