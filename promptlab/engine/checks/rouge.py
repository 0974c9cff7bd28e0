"""`rouge-n` and `rouge-l`: what words, or what order of words, an answer has in common with a reference."""

from abc import ABC
from typing import Any, ClassVar

from pydantic import Field

from promptlab.core.extras import Extra
from promptlab.engine.checks.ngrams import count_grams, in_common
from promptlab.engine.checks.references import ReferenceCheck, hold_to
from promptlab.engine.checks.treebank import MOST_WORDS, tokens

LARGEST = 200_000_000  # words of the answer times those of all references


class _Rouge(ReferenceCheck, ABC):
    @classmethod
    def prepared(cls, references: tuple[str, ...]) -> tuple[list[str], ...]:
        return tuple(map(tokens, references))


class RougeN(_Rouge):
    """ROUGE-N (Lin 2004) of the answer is at least `threshold`, 0.75 if not said.

    The F1 of the runs of `n` words (1 if not said: single words) that answer and reference have in common,
    each counted as often as both have it. The value is a reference, or a list of which the best counts.

    Upper and lower case are the same. Words are those of the Penn Treebank, as in promptfoo: signs stand for
    themselves, `don't` is `do` and `n't`, and a dot inside the text, or of an abbreviation (`U.S.`), stays
    with its word. Stems are not taken.

    Very long answers are an error.
    """

    measure: ClassVar[str] = "ROUGE-N"
    threshold: float = Field(default=0.75, ge=0, le=1)
    n: int = Field(default=1, ge=1, le=9)

    def scored(self, text: str, references: Any) -> float:
        words = tokens(text)
        hold_to(MOST_WORDS, len(words) * len(references), "words, times the references")
        return max(self._one(words, reference) for reference in references)

    def _one(self, words: list[str], reference: list[str]) -> float:
        counted = count_grams(reference, range(self.n, self.n + 1))
        return f1(in_common(words, counted, self.n), len(words) + 1 - self.n, counted.total())


class RougeL(_Rouge):
    """ROUGE-L (Lin 2004) of the answer is at least `threshold`, 0.75 if not said.

    The F1 of the longest sequence of words that is in the answer and in the reference in the same order,
    other words between them or not. The value is a reference, or a list of which the best counts. Words are
    those of `rouge-n`. The text is one sequence, sentences or not, as in Lin's sentence-level ROUGE-L.

    Very long answers are an error.
    """

    requires: ClassVar[Extra | None] = "metrics"
    measure: ClassVar[str] = "ROUGE-L"
    threshold: float = Field(default=0.75, ge=0, le=1)

    def scored(self, text: str, references: Any) -> float:
        from rapidfuzz.distance import LCSseq  # noqa: PLC0415 (an extra)

        words = tokens(text)
        hold_to(MOST_WORDS, len(words) * len(references), "words, times the references")
        cells = len(words) * sum(map(len, references))
        hold_to(LARGEST, cells, "words of the answer times words of the references")
        return max(f1(LCSseq.similarity(words, one), len(words), len(one)) for one in references)


def f1(common: int, given: int, wanted: int) -> float:
    """Give the harmonic mean of precision and recall."""
    return 2 * common / (given + wanted) if common else 0.0
