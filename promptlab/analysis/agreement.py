"""How far two who pass or fail the same answers agree, beyond what chance would give (Cohen 1960)."""

from math import sqrt

from promptlab.analysis.intervals import Interval, Z, wilson
from promptlab.core.frozen import frozen


@frozen(kw_only=True)
class Confusion:
    """How often both passed, only the judge did, only the human did, neither did."""

    both: float = 0
    judge_only: float = 0
    human_only: float = 0
    neither: float = 0

    @property
    def total(self) -> float:
        return self.both + self.judge_only + self.human_only + self.neither

    @property
    def agreement(self) -> float | None:
        """The share of answers on which both say the same; None of none."""
        return (self.both + self.neither) / self.total if self.total else None

    @property
    def agreement_interval(self) -> Interval | None:
        return wilson(self.both + self.neither, self.total)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa; None where both always say the same one thing, which tells nothing."""
        return _kappa(self) if self.total and _by_chance(self) < 1 else None

    @property
    def kappa_interval(self) -> Interval | None:
        """The 95 % interval of kappa, by the variance of Fleiss, Cohen and Everitt (1969).

        It is that of the table with one answer more in each cell: without these it would hold the true kappa
        far too seldom where there are few answers, or hardly any disagreement.
        """
        kappa = self.kappa
        if kappa is None:
            return None
        more = Confusion(
            both=self.both + 1,
            judge_only=self.judge_only + 1,
            human_only=self.human_only + 1,
            neither=self.neither + 1,
        )
        middle, reach = _kappa(more), Z * kappa_error(more)
        return Interval(max(-1.0, min(kappa, middle - reach)), min(1.0, max(kappa, middle + reach)))


def kappa_error(found: Confusion) -> float:
    """Give the standard error of kappa in large samples (Fleiss, Cohen and Everitt 1969)."""
    kappa, chance = _kappa(found), _by_chance(found)
    judge, human = _shares(found)
    rest = 1 - kappa
    same = (
        found.both / found.total * (1 - (judge + human) * rest) ** 2
        + found.neither / found.total * (1 - (2 - judge - human) * rest) ** 2
    )
    other = rest**2 * (
        found.judge_only / found.total * (human + 1 - judge) ** 2
        + found.human_only / found.total * (judge + 1 - human) ** 2
    )
    variance = (same + other - (kappa - chance * rest) ** 2) / ((1 - chance) ** 2 * found.total)
    return sqrt(max(0.0, variance))


def _kappa(found: Confusion) -> float:
    chance = _by_chance(found)
    return ((found.both + found.neither) / found.total - chance) / (1 - chance)


def _by_chance(found: Confusion) -> float:
    """Give how often both would say the same if neither looked at the answers."""
    judge, human = _shares(found)
    return judge * human + (1 - judge) * (1 - human)


def _shares(found: Confusion) -> tuple[float, float]:
    """Give the share that the judge passed, and that the human did."""
    return (found.both + found.judge_only) / found.total, (found.both + found.human_only) / found.total
