"""`meteor`: how many words an answer shares with a reference, by stem too, and how much in one piece."""

from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from promptlab.engine.checks.bleu import undotted
from promptlab.engine.checks.porter import stem
from promptlab.engine.checks.references import ReferenceCheck, hold_to

MOST_WORDS = 20_000  # of the answer, times the references: 90 ms where each has to be stemmed

type Pairs = dict[int, int]


class Meteor(ReferenceCheck):
    """METEOR (Banerjee and Lavie 2005) of the answer is at least `threshold`, 0.5 if not said.

    Words of the answer are paired with those of the reference, first equal ones, then those of the same stem
    (Porter's, English). The score is a mean of precision and recall, of which recall has `alpha` (0.9), less
    a penalty of up to `gamma` (0.5) for how scattered the pairs are, to the power `beta` (3). The same text
    has a score a little below 1, a single word 0.5. The value is a reference, or a list of which the best
    counts.

    Words are what white space separates, in lower case and without dots at their end, as in promptfoo. On
    such words it is the `meteor_score` of NLTK but for its third stage: synonyms, which need a download of
    WordNet, are not paired.

    More than 20,000 words, times the references, are an error.
    """

    measure: ClassVar[str] = "METEOR"
    threshold: float = Field(default=0.5, ge=0, le=1)
    alpha: float = Field(default=0.9, ge=0, le=1)
    beta: float = Field(default=3.0, ge=0, allow_inf_nan=False)
    gamma: float = Field(default=0.5, ge=0, le=1)

    @classmethod
    def prepared(cls, references: tuple[str, ...]) -> tuple[list[str], ...]:
        return tuple(map(_words, references))

    def scored(self, text: str, references: Any) -> float:
        words = _words(text)
        hold_to(MOST_WORDS, len(words) * len(references), "words, times the references")
        return max(self._one(words, reference) for reference in references)

    def _one(self, words: list[str], reference: list[str]) -> float:
        pairs = _aligned(words, reference)
        if not pairs:
            return 0.0
        precision, recall = len(pairs) / len(words), len(pairs) / len(reference)
        mean = precision * recall / (self.alpha * precision + (1 - self.alpha) * recall)
        scattered: float = (_chunks(pairs) / len(pairs)) ** self.beta
        return mean * (1 - self.gamma * scattered)


def _words(text: str) -> list[str]:
    return undotted(text.lower().split())


def _aligned(words: Sequence[str], reference: Sequence[str]) -> Pairs:
    """Pair the places of words, equal ones first."""
    pairs: Pairs = {}
    for form in (str, stem):
        taken = set(pairs.values())
        pairs |= _equal(
            {place: form(word) for place, word in enumerate(words) if place not in pairs},
            {place: form(word) for place, word in enumerate(reference) if place not in taken},
        )
    return pairs


def _equal(words: dict[int, str], reference: dict[int, str]) -> Pairs:
    """Pair what is equal, each with the last that is free, from the end on."""
    free: dict[str, list[int]] = {}
    for place, word in reference.items():
        free.setdefault(word, []).append(place)
    return {place: free[word].pop() for place, word in reversed(words.items()) if free.get(word)}


def _chunks(pairs: Pairs) -> int:
    """Count the pieces of the answer whose words follow each other in the reference too."""
    return sum(pairs.get(place - 1) != other - 1 for place, other in pairs.items())
