"""What the repeats of a row say together: pass^k, and rows that pass sometimes."""

from collections.abc import Iterable, Sequence
from math import comb

from promptlab.core.frozen import frozen
from promptlab.schemas.run import TrialStatus


@frozen
class RowOutcome:
    """`judged`: the repeats that ended and were not skipped; `missing`: those that never came."""

    row: int
    passed: int
    judged: int
    missing: int = 0

    @property
    def is_flaky(self) -> bool:
        return 0 < self.passed < self.judged


def row_outcomes(trials: Iterable[tuple[int, TrialStatus]], repeats: int) -> list[RowOutcome]:
    """Bring the trials of one cell together by row; rows all of whose repeats were skipped are left out."""
    counts: dict[int, list[int]] = {}
    for row, status in trials:
        count = counts.setdefault(row, [0, 0, 0])
        count[0] += status == "passed"
        count[1] += status not in ("skipped", "left")
        count[2] += status != "left"
    found = (
        RowOutcome(row, passed, judged, max(0, repeats - ended))
        for row, (passed, judged, ended) in sorted(counts.items())
    )
    return [one for one in found if one.judged or one.missing]


def pass_power(outcomes: Sequence[RowOutcome], power: int, *, never: int = 0) -> float | None:
    """Give how likely `power` tries of a row, drawn from its repeats, all pass: the mean over rows.

    With all repeats it is the share of rows of which each passed. `never`: rows that never came.
    """
    rows = len(outcomes) + never
    return sum(_all_pass(one, power) for one in outcomes) / rows if rows else None


def _all_pass(one: RowOutcome, power: int) -> float:
    tried = one.judged + one.missing
    drawn = min(power, tried)
    return comb(one.passed, drawn) / comb(tried, drawn)


def flaky_rate(outcomes: Sequence[RowOutcome]) -> float | None:
    """Give the share of the rows that were judged of which some repeats passed and some did not."""
    judged = [one for one in outcomes if one.judged]
    return sum(one.is_flaky for one in judged) / len(judged) if judged else None
