"""`cost` and `latency`: what the answers took when they were bought, also where they were recalled since."""

from typing import ClassVar

from pydantic import Field

from promptlab.engine.check import CannotJudge, Check, Finding, Subject
from promptlab.schemas.run import total


class Cost(Check):
    """The answers cost at most `threshold` USD when they were bought, also where they are recalled."""

    short_form = "threshold"
    threshold_is_score: ClassVar[bool] = False
    threshold: float = Field(ge=0)

    async def judge(self, subject: Subject) -> Finding:
        cost = total(step.cost_usd for result in subject.results for step in result.flat)
        if cost is None:
            raise CannotJudge("the cost is unknown; give the model a price under `prices` in promptlab.yaml")
        reason = f"costs {cost:.6g} USD; at most {self.threshold:g}"
        return Finding.of(passed=cost <= self.threshold, reason=reason)


class Latency(Check):
    """The answers took at most `threshold` milliseconds, together, when they were bought."""

    short_form = "threshold"
    threshold_is_score: ClassVar[bool] = False
    threshold: float = Field(ge=0)

    async def judge(self, subject: Subject) -> Finding:
        latency = total(step.latency_ms for result in subject.results for step in result.flat)
        if latency is None:
            raise CannotJudge("the latency is unknown")
        reason = f"took {latency:.0f} ms; at most {self.threshold:g}"
        return Finding.of(passed=latency <= self.threshold, reason=reason)
