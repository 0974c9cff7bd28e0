"""`all-of`, `any-of` and `k-of-n`: checks of checks."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar

from pydantic import Field, ValidationInfo, field_validator

from promptlab.engine.check import CannotJudge, Check, DoesNotApply, Finding, Subject
from promptlab.engine.ruling import Ruling, named, rule
from promptlab.schemas.base import Items
from promptlab.schemas.fields import CHECK
from promptlab.schemas.run import VerdictStatus
from promptlab.schemas.template import Place, Template

type Counted = tuple[str, float, Ruling]  # a check's name and weight, and what it said


class _Group(Check):
    """The value is a list of checks; those that are skipped do not count."""

    threshold_is_score: ClassVar[bool] = False
    value: Items[Annotated[Any, *CHECK]]

    @field_validator("value", mode="after")
    @classmethod
    def _belongs_to_the_group(cls, value: tuple[Check, ...]) -> tuple[Check, ...]:
        if not value:
            raise ValueError("a group needs at least one check")
        for check in value:
            if check.metric is not None or check.severity != "error":
                raise ValueError(
                    "inside a group a check has no `metric` or `severity`; give them to the group"
                )
        named(value)
        return value

    @cached_property
    def members(self) -> tuple[tuple[str, Check], ...]:
        return named(self.value)

    async def judge(self, subject: Subject) -> Finding:
        rulings = [(name, check.weight, await rule(check, subject)) for name, check in self.members]
        counted = [item for item in rulings if item[2].status != "skipped"]
        if not counted:
            raise DoesNotApply("all of its checks were skipped")
        return self.decide(counted)

    @abstractmethod
    def decide(self, counted: Sequence[Counted]) -> Finding:
        """Say what the checks say together. Raises CannotJudge where it hangs on one that errored."""

    def templates(self) -> Iterator[tuple[Place, Template]]:
        yield from super().templates()
        for index, check in enumerate(self.value):
            for place, template in check.templates():
                yield ("value", index, *place), template

    def judges_named(self) -> Iterator[tuple[Place, str | None]]:
        for index, check in enumerate(self.value):
            for place, name in check.judges_named():
                yield ("value", index, *place), name

    @property
    def worst_calls(self) -> int:
        return sum(check.worst_calls for check in self.value)

    def places_named(self) -> Iterator[tuple[Place, str]]:
        yield from super().places_named()
        for index, check in enumerate(self.value):
            for place, name in check.places_named():
                yield ("value", index, *place), name


class _StatusGroup(_Group):
    """With `threshold` the score decides, otherwise whether the checks passed."""

    decided_by: ClassVar[VerdictStatus]

    def decide(self, counted: Sequence[Counted]) -> Finding:
        statuses = {ruling.status for _, _, ruling in counted}
        decided = self.threshold is None and self.decided_by in statuses
        if "errored" in statuses and not decided:
            raise CannotJudge(_reasons(counted, "errored"))
        score = self.scored(counted)
        passed = self.passes(statuses) if self.threshold is None else score >= self.threshold
        return Finding(passed, score, _summary(counted))

    @abstractmethod
    def scored(self, counted: Sequence[Counted]) -> float: ...

    @abstractmethod
    def passes(self, statuses: set[VerdictStatus]) -> bool: ...


class AllOf(_StatusGroup):
    """All checks of a list pass; the score is the mean of theirs by their weights.

    With `threshold` it is the score that must reach it.
    """

    decided_by = "failed"

    def scored(self, counted: Sequence[Counted]) -> float:
        return _mean(counted)

    def passes(self, statuses: set[VerdictStatus]) -> bool:
        return statuses == {"passed"}


class AnyOf(_StatusGroup):
    """At least one check of a list passes; the score is the greatest of theirs.

    With `threshold` it is the score that must reach it.
    """

    decided_by = "passed"

    def scored(self, counted: Sequence[Counted]) -> float:
        return max(ruling.score for _, _, ruling in counted)

    def passes(self, statuses: set[VerdictStatus]) -> bool:
        return "passed" in statuses


class KOfN(_Group):
    """At least `threshold` checks of the list pass, a number of checks.

    The score is the weighted mean of that many scores, the best. A check that is skipped does not pass. One
    that errored makes the group errored where it hangs on it.
    """

    threshold: int = Field(ge=1)

    @field_validator("value", mode="after")
    @classmethod
    def _enough(cls, value: tuple[Check, ...], info: ValidationInfo) -> tuple[Check, ...]:
        wanted = info.data.get("threshold", 0)
        if wanted > len(value):
            raise ValueError(f"has {len(value)} checks, of which {wanted} can never pass; see `threshold`")
        return value

    def decide(self, counted: Sequence[Counted]) -> Finding:
        statuses = [ruling.status for _, _, ruling in counted]
        passed = statuses.count("passed")
        if passed < self.threshold <= passed + statuses.count("errored"):
            raise CannotJudge(_reasons(counted, "errored"))
        best = sorted(counted, key=lambda item: item[2].score, reverse=True)[: self.threshold]
        return Finding(
            passed >= self.threshold, _mean(best), f"{_summary(counted)}; at least {self.threshold}"
        )


def _mean(counted: Sequence[Counted]) -> float:
    """Give the mean score by weight; the least where nothing has weight."""
    weight = sum(weight for _, weight, _ in counted)
    if not weight:
        return min(ruling.score for _, _, ruling in counted)
    return min(1.0, sum(weight * ruling.score for _, weight, ruling in counted) / weight)


def _summary(counted: Sequence[Counted]) -> str:
    passed = sum(ruling.status == "passed" for _, _, ruling in counted)
    failed = _reasons(counted, "failed")
    return f"{passed} of {len(counted)} passed" + (f"; {failed}" if failed else "")


def _reasons(counted: Sequence[Counted], status: VerdictStatus) -> str:
    return "; ".join(f"{name}: {ruling.reason}" for name, _, ruling in counted if ruling.status == status)[
        :1000
    ]
