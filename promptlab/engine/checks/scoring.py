"""How a yes, a no or a number becomes a finding."""

from promptlab.core.json import JSON
from promptlab.engine.check import CannotJudge, Finding, shown

WANTED = "must be true, false or a number from 0 to 1"


def finding_of(given: JSON, *, threshold: float | None, what: str) -> Finding:
    """Read `given`: a number passes from `threshold` up, above 0 where there is none. Raises CannotJudge."""
    if isinstance(given, bool):
        return Finding.of(passed=given, reason=f"{what} gave {'true' if given else 'false'}")
    score = score_of(given, what=what)
    return Finding(reaches(score, threshold), score, f"{what} gave {score:g}")


def score_of(given: JSON, *, what: str) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= 1:
        raise CannotJudge(f"{what} gave {shown(given)}; it {WANTED}")
    return float(given)


def reaches(score: float, threshold: float | None) -> bool:
    return score > 0 if threshold is None else score >= threshold
