"""`chrf`: how many runs of characters an answer has in common with a reference."""

from functools import lru_cache
from typing import Any, ClassVar

from pydantic import Field

from promptlab.core.extras import Extra
from promptlab.engine.checks.references import ReferenceCheck, hold_to

MOST_CHARACTERS = 40_000  # of the answer and all references: 90 ms


class Chrf(ReferenceCheck):
    """chrF (Popović 2015) of the answer is at least `threshold`, 0.5 if not said.

    The F score, with recall twice as heavy as precision, of the runs of one to six characters that answer and
    reference have in common; white space does not count, upper and lower case differ. It needs no words, so
    it fits any language. The value is a reference, or a list of which the best counts.

    It is the `chrF2` of sacreBLEU, from 0 to 1 rather than to 100; promptfoo has no such check.

    More than 40,000 characters, those of the references included, are an error.
    """

    requires: ClassVar[Extra | None] = "metrics"
    measure: ClassVar[str] = "chrF"
    threshold: float = Field(default=0.5, ge=0, le=1)

    def scored(self, text: str, references: Any) -> float:
        hold_to(MOST_CHARACTERS, len(text) + sum(map(len, references)), "characters")
        score: float = _metric(references).corpus_score([text], None).score
        return score / 100


@lru_cache(maxsize=100)
def _metric(references: tuple[str, ...]) -> Any:
    """Give a metric that has taken its references apart already."""
    from sacrebleu.metrics.chrf import CHRF  # noqa: PLC0415 (an extra)

    return CHRF(references=[[reference] for reference in references])
