"""`bleu` and `gleu`: how many runs of one to four words an answer has in common with a reference."""

from collections import Counter
from collections.abc import Sequence
from math import exp, log
from statistics import fmean
from typing import Any, ClassVar, Final

from pydantic import Field

from promptlab.core.frozen import frozen
from promptlab.engine.checks.ngrams import Gram, count_grams, in_common
from promptlab.engine.checks.references import ReferenceCheck, hold_to

SIZES: Final = range(1, 5)
NONE_IN_COMMON = 1e-7
MOST_WORDS = 60_000  # of the answer, times the references it is compared with: 90 ms


@frozen
class References:
    """Those of a `bleu`: their lengths, and how often each run of words is in the one that has most of it."""

    lengths: tuple[int, ...]
    counted: Counter[Gram]


class Bleu(ReferenceCheck):
    """BLEU-4 (Papineni 2002) of the answer is at least `threshold`, 0.5 if not said.

    The value is a reference or a list of references; all of them count at once, and the one that is nearest
    in length is what the answer must not be shorter than. Words are what white space separates, in lower
    case, with their punctuation. Runs longer than the answer do not count, and where none of a size is in
    common a ten-millionth stands for it, so that short answers have a score.

    Smoothing and words are those of promptfoo. Otherwise it is the BLEU of the paper, and of NLTK with
    `auto_reweigh`: several references are clipped together, run by run, and the penalty for brevity
    falls with the length (older releases of promptfoo have it the other way round).

    More than 60,000 words are an error.
    """

    measure: ClassVar[str] = "BLEU"
    threshold: float = Field(default=0.5, ge=0, le=1)

    @classmethod
    def prepared(cls, references: tuple[str, ...]) -> References:
        words = [_words(reference) for reference in references]
        counted: Counter[Gram] = Counter()
        for some in words:
            counted |= count_grams(some, SIZES)
        return References(tuple(map(len, words)), counted)

    def scored(self, text: str, references: Any) -> float:
        words = _words(text)
        hold_to(MOST_WORDS, len(words), "words")
        logs = [
            log(in_common(words, references.counted, size) / (len(words) + 1 - size) or NONE_IN_COMMON)
            for size in SIZES
            if size <= len(words)
        ]
        return _brevity(len(words), references.lengths) * exp(fmean(logs))


class Gleu(ReferenceCheck):
    """GLEU (Google-BLEU, Wu 2016) of the answer is at least `threshold`, 0.5 if not said.

    Of all runs of one to four words, the share that answer and reference have in common: the smaller of
    precision and recall. The value is a reference, or a list of which the best counts. Words are what white
    space separates, in lower case and without dots at their end, as in promptfoo; on such words it is the
    `sentence_gleu` of NLTK.

    More than 60,000 words, times the references, are an error.
    """

    measure: ClassVar[str] = "GLEU"
    threshold: float = Field(default=0.5, ge=0, le=1)

    @classmethod
    def prepared(cls, references: tuple[str, ...]) -> tuple[Counter[Gram], ...]:
        return tuple(count_grams(undotted(_words(reference)), SIZES) for reference in references)

    def scored(self, text: str, references: Any) -> float:
        words = undotted(_words(text))
        hold_to(MOST_WORDS, len(words) * len(references), "words, times the references")
        return max(_gleu(words, reference) for reference in references)


def _words(text: str) -> list[str]:
    return text.lower().split()


def undotted(words: Sequence[str]) -> list[str]:
    """Give the words without the dots that they end with."""
    return [word.rstrip(".") for word in words]


def _brevity(length: int, references: tuple[int, ...]) -> float:
    nearest = min(references, key=lambda one: (abs(one - length), one))
    return 1.0 if length >= nearest else exp(1 - nearest / length)


def _gleu(words: list[str], reference: Counter[Gram]) -> float:
    common = sum(in_common(words, reference, size) for size in SIZES)
    total = sum(max(len(words) + 1 - size, 0) for size in SIZES)
    return common / max(total, reference.total())
