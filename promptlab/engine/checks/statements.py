"""Checks that have a model take a text apart into statements, and say of each whether it holds."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from promptlab.core.json import JSON
from promptlab.core.words import plural
from promptlab.engine.check import CannotJudge, Finding, Subject
from promptlab.engine.checks.rubric import Criterion
from promptlab.engine.judged import JudgedCheck

ENOUGH = 0.5
SHOWN = 3
_STATEMENT: JSON = {
    "type": "object",
    "properties": {"statement": {"type": "string"}, "holds": {"type": "boolean"}},
    "required": ["statement", "holds"],
    "additionalProperties": False,
}
_STATEMENTS: Mapping[str, JSON] = {
    "type": "object",
    "properties": {"statements": {"type": "array", "items": _STATEMENT}},
    "required": ["statements"],
    "additionalProperties": False,
}


class _Shares(JudgedCheck):
    """Passes from `threshold` up, 0.5 if not said."""

    threshold_is_score: ClassVar[bool] = False
    schema_of_verdict = _STATEMENTS
    noun: ClassVar[str] = "statement"
    holding: ClassVar[str]
    failing: ClassVar[str]
    judges_output: ClassVar[bool] = False  # True: an output that says nothing fails, and nobody is asked
    threshold: float | None = Field(default=ENOUGH, ge=0, le=1)

    async def opinion(self, subject: Subject, names: Mapping[str, JSON], vote: int) -> Finding:
        if self.judges_output and (subject.output is None or not subject.text.strip()):
            return Finding.of(passed=False, reason="says nothing")
        return await super().opinion(subject, names, vote)

    def read(self, verdict: Mapping[str, Any]) -> Finding:
        statements: Sequence[Mapping[str, Any]] = verdict["statements"]
        if not statements:
            return self.read_nothing()
        wrong = [one["statement"] for one in statements if not one["holds"]]
        score = 1 - len(wrong) / len(statements)
        counted = plural(len(statements), self.noun)
        reason = f"{len(statements) - len(wrong)} of {counted} {self.holding}"
        if wrong:
            reason += f"; {self.failing}: {'; '.join(wrong[:SHOWN])}{'; …' if len(wrong) > SHOWN else ''}"
        return Finding(score >= (ENOUGH if self.threshold is None else self.threshold), score, reason)

    def read_nothing(self) -> Finding:
        raise CannotJudge(f"the judge found no {self.noun} to judge")


class AnswerRelevance(_Shares):
    """Which share of what the output says answers `query` (default: the column of that name)."""

    wants = frozenset({"query"})
    judges_output = True
    holding, failing = "answer the query", "beside the point"

    def read_nothing(self) -> Finding:
        return Finding.of(passed=False, reason="says nothing")


class ContextRelevance(_Shares):
    """Which share of the sentences of `context` is needed to answer `query` (default: columns so called)."""

    wants = frozenset({"query", "context"})
    noun = "sentence"
    holding, failing = "of the context bear on the query", "not needed"


class ContextFaithfulness(_Shares):
    """Which share of what the output claims follows from `context` (default: the column of that name)."""

    wants = frozenset({"context"})
    judges_output = True
    holding, failing = "follow from the context", "not in the context"


class ContextRecall(_Shares, Criterion):
    """Which share of the sentences of the value, the true answer, can be found in `context`."""

    wants = frozenset({"context"})
    noun = "sentence"
    holding, failing = "are found in the context", "not found"
