"""How sure a rate or mean of a run is: 95 % intervals, the same whenever they are computed."""

from math import sqrt

from promptlab.core.frozen import frozen

Z = 1.959963984540054  # the normal distribution's 97.5 % point


@frozen
class Interval:
    low: float
    high: float

    def as_json(self) -> dict[str, float]:
        return {"low": self.low, "high": self.high}


def wilson(passed: float, total: float) -> Interval | None:
    """Give Wilson's score interval of a rate; None where there is nothing to rate."""
    if total <= 0:
        return None
    rate, weight = passed / total, Z * Z / total
    middle = (rate + weight / 2) / (1 + weight)
    reach = Z * sqrt(rate * (1 - rate) / total + weight / (4 * total)) / (1 + weight)
    low = 0.0 if passed <= 0 else max(0.0, middle - reach)
    return Interval(low, 1.0 if passed >= total else min(1.0, middle + reach))
