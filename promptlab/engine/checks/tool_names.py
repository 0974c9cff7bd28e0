"""`tool-call-f1` and `tools-called`: which tools were called."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from promptlab.core.json import JSON
from promptlab.engine.check import Finding, Subject, ValueCheck, shown
from promptlab.engine.checks.called import calls_of

_FORMS = "must be a list of names of tools, or one text with commas"
_MOST_SHOWN = 10


class ToolCallF1(ValueCheck):
    """The tools that were called are those of the value; the score is the F1 of the two sets of names.

    The value is a list of names, or one text with commas. F1 weighs what was called and should not have been
    (precision) as much as what should have been and was not (recall); how often and in what order does not
    matter. `threshold` is the least F1 that passes, 1 if not said.
    """

    threshold: float | None = Field(default=1.0, ge=0, le=1)

    @classmethod
    def parse(cls, value: JSON) -> frozenset[str]:
        names = read_names(value)
        if not names:
            raise ValueError(_FORMS)
        return frozenset(names)

    def compare(self, value: Any, subject: Subject) -> Finding:
        called = {call.name for call in calls_of(subject)}
        score = 2 * len(called & value) / (len(called) + len(value))
        reason = f"called {listed(sorted(called))}; F1 {score:.3f} with {listed(sorted(value))}"
        return Finding(score == 1, score, reason)


class ToolsCalled(ValueCheck):
    """These tools were called. The value is a list of names, or one text with commas.

    `order` says how strictly: `any` (default; each as often as it is listed, among whatever other calls),
    `subsequence` (in this order, with other calls between them), `exact` (in this order, and no other call).
    With `order: exact` the list may be empty: no tool was called. The score is the share of the list that was
    called so; with `exact` it is 1 or 0.
    """

    order: Literal["any", "exact", "subsequence"] = Field(default="any", validate_default=True)

    @field_validator("order", mode="after")
    @classmethod
    def _lists_something(cls, order: str, info: ValidationInfo) -> str:
        value = info.data.get("value")
        if order != "exact" and value is not None and not value.holes and not cls.parse(value.source):
            raise ValueError("no tool is listed; with `order: exact` that means that none may be called")
        return order

    @classmethod
    def parse(cls, value: JSON) -> tuple[str, ...]:
        return read_names(value)

    def compare(self, value: Any, subject: Subject) -> Finding:
        called = [call.name for call in calls_of(subject)]
        score = self._score(value, called)
        reason = f"called {listed(called)}" + ("" if score == 1 else f", not {self._wanted(value)}")
        return Finding(score == 1, score, reason)

    def _score(self, wanted: Sequence[str], called: Sequence[str]) -> float:
        if self.order == "exact":
            return float(list(wanted) == list(called))
        found = (
            sum((Counter(wanted) & Counter(called)).values())
            if self.order == "any"
            else in_order(wanted, called)
        )
        return found / len(wanted) if wanted else 1.0

    def _wanted(self, names: Sequence[str]) -> str:
        how = {"any": "", "subsequence": " in this order", "exact": " exactly"}[self.order]
        return listed(names) + how


def in_order(wanted: Sequence[str], called: Sequence[str]) -> int:
    """Count how many of the wanted, from the first on, are among the called in this order."""
    rest = iter(called)
    return next((done for done, name in enumerate(wanted) if name not in rest), len(wanted))


def read_names(value: JSON) -> tuple[str, ...]:
    """Read a list of names, or one text with commas. Raises ValueError."""
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise ValueError(_FORMS)
    return tuple(str(name).strip() for name in names)


def listed(names: Sequence[str]) -> str:
    if not names:
        return "no tool"
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(map(shown, names[:_MOST_SHOWN])) + more
