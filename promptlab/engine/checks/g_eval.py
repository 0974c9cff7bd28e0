"""`g-eval`: a model thinks of steps to judge by criteria, then gives points (Liu et al. 2023)."""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from promptlab.core.json import JSON, as_text
from promptlab.engine.check import CannotJudge, Finding, Subject
from promptlab.engine.judged import JudgedCheck, verdict_of
from promptlab.engine.scope import filled
from promptlab.schemas.fields import Templated

MOST_POINTS = 10
ENOUGH = 0.7
STEPS: JSON = {"type": "array", "items": {"type": "string"}}


class GEval(JudgedCheck):
    """From 0 to 10 points by criteria in words, a text or a list of them; the score is their mean by ten.

    Passes from `threshold` up, 0.7 if not said.
    """

    threshold_is_score: ClassVar[bool] = False
    schema_of_verdict = verdict_of({"points": {"type": "number"}}, before={"steps": STEPS})
    value: Templated
    threshold: float | None = Field(default=ENOUGH, ge=0, le=1)

    @property
    def worst_calls(self) -> int:
        criteria = self.value.source
        return self.votes * (len(criteria) if isinstance(criteria, list) else 1)

    def own_values(self) -> Mapping[str, Templated]:
        return {"value": self.value, **super().own_values()}

    async def valued(self, subject: Subject) -> JSON:
        value = await filled(self.value, subject.names, subject.evidence.render)
        criteria = [as_text(item).strip() for item in (value if isinstance(value, list) else [value])]
        if not criteria or not all(criteria):
            raise CannotJudge("its value has no criteria to judge by")
        return list[JSON](criteria)

    async def opinion(self, subject: Subject, names: Mapping[str, JSON], vote: int) -> Finding:
        criteria: Any = names["value"]
        asking = (self.ask(subject, {**names, "value": one}, vote) for one in criteria)
        findings = [self.read(verdict) for verdict in await asyncio.gather(*asking)]
        score = sum(finding.score for finding in findings) / len(findings)
        points = " + ".join(f"{finding.score * MOST_POINTS:g}" for finding in findings)
        reasons = " ".join(finding.reason for finding in findings)
        return self._scored(score, f"{points} of {MOST_POINTS * len(findings)} points: {reasons}")

    def read(self, verdict: Mapping[str, Any]) -> Finding:
        points = float(verdict["points"])
        if not 0 <= points <= MOST_POINTS:
            raise CannotJudge(f"the judge gave {points:g} points; they are from 0 to {MOST_POINTS}")
        return self._scored(points / MOST_POINTS, verdict["reason"])

    def _scored(self, score: float, reason: str) -> Finding:
        return Finding(score >= (ENOUGH if self.threshold is None else self.threshold), score, reason)
