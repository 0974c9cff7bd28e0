"""What the checks share that give a score to an answer beside one reference text or several."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from promptlab.core.json import JSON, as_text
from promptlab.engine.check import CannotJudge, Finding, Subject, ValueCheck

MOST_REFERENCE = 100_000  # characters of all references of a check


class ReferenceCheck(ValueCheck, ABC):
    """The value is a reference, or a list of references of which the one that fits best counts.

    It passes from `threshold` on. An empty answer has the score 0.
    """

    measure: ClassVar[str]
    threshold: float

    @classmethod
    def parse(cls, value: JSON) -> Any:
        texts = tuple(map(as_text, value if isinstance(value, list) else [value]))
        if not texts or not all(text.strip() for text in texts):
            raise ValueError("must be a text with a word in it, or a list of such texts")
        if sum(map(len, texts)) > MOST_REFERENCE:
            raise ValueError(f"must have at most {MOST_REFERENCE:,} characters, all texts together")
        return cls.prepared(texts)

    @classmethod
    def prepared(cls, references: tuple[str, ...]) -> Any:
        """Give the references as `scored` wants them."""
        return references

    def compare(self, value: Any, subject: Subject) -> Finding:
        found = self.scored(subject.text, value) if subject.text.strip() else 0.0
        score = min(max(found, 0.0), 1.0)
        reason = f"has a {self.measure} of {round(score, 4):g}; at least {self.threshold:g}"
        return Finding(score >= self.threshold, score, reason)

    @abstractmethod
    def scored(self, text: str, references: Any) -> float:
        """Score a text that is not empty. Raises CannotJudge where it is too long."""


def hold_to(most: int, size: int, things: str) -> None:
    """Raise CannotJudge where there is too much to compare in good time."""
    if size > most:
        raise CannotJudge(f"too long to compare ({size:,} {things}; at most {most:,})")
