"""`llm-rubric` and `closed-qa`: a model says whether an answer meets what is asked of it."""

from abc import ABC
from collections.abc import Mapping
from typing import Any, ClassVar

from promptlab.core.json import JSON, as_text
from promptlab.engine.check import CannotJudge, Finding, Subject
from promptlab.engine.judged import JudgedCheck, verdict_of
from promptlab.engine.scope import filled
from promptlab.schemas.fields import Templated


class Criterion(JudgedCheck, ABC):
    """A check that says in its value what to judge by."""

    value: Templated

    async def valued(self, subject: Subject) -> JSON:
        value = as_text(await filled(self.value, subject.names, subject.evidence.render)).strip()
        if not value:
            raise CannotJudge("its value is empty, so that there is nothing to judge by")
        return value

    def own_values(self) -> Mapping[str, Templated]:
        return {"value": self.value, **super().own_values()}


class LlmRubric(Criterion):
    """A model holds the output to a rubric, in words: says whether it passes, a score from 0 to 1, and why.

    With `threshold` the score must reach it as well.
    """

    threshold_is_score: ClassVar[bool] = False
    schema_of_verdict = verdict_of({"pass": {"type": "boolean"}, "score": {"type": "number"}})

    def read(self, verdict: Mapping[str, Any]) -> Finding:
        score = verdict["score"]
        if not 0 <= score <= 1:
            raise CannotJudge(f"the judge gave the score {score:g}; a score is from 0 to 1")
        passed = verdict["pass"] and (self.threshold is None or score >= self.threshold)
        return Finding(passed, float(score), verdict["reason"])


class ClosedQa(Criterion):
    """A model says whether the answer to a question meets a criterion: yes or no.

    The question is `query`, else the column of that name, else what the step's model was asked.
    """

    schema_of_verdict = verdict_of({"pass": {"type": "boolean"}})
    falls_back_on_prompt: ClassVar[bool] = True

    def read(self, verdict: Mapping[str, Any]) -> Finding:
        return Finding.of(passed=verdict["pass"], reason=verdict["reason"])
