"""`factuality`: how the facts of an answer stand to those of a reference, as in OpenAI's evals."""

from collections.abc import Mapping
from typing import Any, ClassVar

from promptlab.engine.check import Finding
from promptlab.engine.checks.rubric import Criterion
from promptlab.engine.judged import verdict_of

MEANINGS = {
    "A": "says a part of the reference, and agrees with it",
    "B": "says more than the reference, and agrees with it",
    "C": "says the same as the reference",
    "D": "disagrees with the reference",
    "E": "differs from the reference, but not in its facts",
}


class Factuality(Criterion):
    """A model compares the facts of the output with those of the value; it fails where they disagree.

    The question is `query`, else the column of that name, else what the step's model was asked.
    """

    schema_of_verdict = verdict_of({"category": {"type": "string", "enum": list(MEANINGS)}})
    falls_back_on_prompt: ClassVar[bool] = True

    def read(self, verdict: Mapping[str, Any]) -> Finding:
        category = verdict["category"]
        reason = f"({category}) {MEANINGS[category]}: {verdict['reason']}"
        return Finding.of(passed=category != "D", reason=reason)
