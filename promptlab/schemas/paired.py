"""Trials that are at both sides of a comparison, in pairs: how they changed, and a page of them."""

from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.schemas.run import TrialResult, TrialStatus

type Change = Literal["worse", "better", "otherwise", "changed", "same"]

CHANGES: tuple[Change, ...] = ("worse", "better", "otherwise", "changed", "same")
"""In the order in which they are shown: passed and does not any more, passes now, ended otherwise, gave
another output, did neither."""
FLIPS: frozenset[Change] = frozenset(("worse", "better", "otherwise"))


def change_of(before: TrialStatus, after: TrialStatus, *, same_output: bool) -> Change:
    if before != after:
        return "worse" if before == "passed" else "better" if after == "passed" else "otherwise"
    return "same" if same_output else "changed"


@frozen(kw_only=True)
class PairFilter:
    """Which pairs. `check`: failed or errored at a side; `text`: in row's id, inputs, outputs or reasons."""

    changes: tuple[Change, ...] = CHANGES
    check: str | None = None
    tag: str | None = None
    text: str | None = None

    @property
    def reads_trials(self) -> bool:
        return (self.check, self.tag, self.text) != (None, None, None)


@frozen(kw_only=True)
class Pair:
    change: Change
    a: TrialResult
    b: TrialResult


@frozen(kw_only=True)
class PairPage:
    """`next`: the cursor of the page after it. `searched`: how many pairs were looked through, if any were.

    Such a page may hold fewer than it could, even none, and still have a `next`.
    """

    pairs: tuple[Pair, ...]
    next: str | None
    searched: int | None = None
