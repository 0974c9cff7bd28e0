"""`levenshtein`: how many characters must be put in, taken out or replaced to get the value."""

from typing import Any, ClassVar

from pydantic import Field

from promptlab.core.json import JSON, as_text
from promptlab.engine.check import CannotJudge, Finding, Subject, ValueCheck, shown

LONGEST = 20_000  # characters of the longer text, after what both begin and end with
LARGEST = 64_000_000  # cells of the matrix: 40 ms


class Levenshtein(ValueCheck):
    """The output is the value but for so many characters put in, taken out or replaced.

    `threshold` is the greatest distance that passes, 5 if not said.

    The score is 1 - distance / length of the longer text. Texts that differ over too many thousand
    characters are compared by their lengths alone, and are an error where those do not decide.
    """

    threshold_is_score: ClassVar[bool] = False
    threshold: float | None = Field(default=5.0, ge=0)

    @classmethod
    def parse(cls, value: JSON) -> str:
        return as_text(value)

    def compare(self, value: Any, subject: Subject) -> Finding:
        limit = 5.0 if self.threshold is None else self.threshold
        steps, exact = bounded_distance(value, subject.text)
        if not exact and steps <= limit:
            raise CannotJudge(
                f"the texts are too long to compare ({len(value)} and {len(subject.text)} characters)"
            )
        score = 1 - steps / max(len(value), len(subject.text), 1)
        count = f"{steps}" if exact else f"at least {steps}"
        return Finding(steps <= limit, score, f"is {count} characters from {shown(value)}; at most {limit:g}")


def bounded_distance(left: str, right: str) -> tuple[int, bool]:
    """Give the distance and True, or where both texts are too long the least that it can be and False."""
    left, right = _differing(left, right)
    if max(len(left), len(right)) > LONGEST or len(left) * len(right) > LARGEST:
        return max(abs(len(left) - len(right)), 1), False
    return _distance(left, right), True


def _differing(left: str, right: str) -> tuple[str, str]:
    """Take away what both begin with and end with."""
    start = _common(left, right)
    left, right = left[start:], right[start:]
    end = _common(left[::-1], right[::-1])
    return left[: len(left) - end], right[: len(right) - end]


def _common(left: str, right: str) -> int:
    least, most = 0, min(len(left), len(right))
    while least < most:
        middle = (least + most + 1) // 2
        if left[least:middle] == right[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _distance(left: str, right: str) -> int:
    """Myers' bit-parallel algorithm (1999): one column of the matrix is one whole number."""
    if len(left) < len(right):
        left, right = right, left
    if not right:
        return len(left)
    size = len(right)
    places: dict[str, int] = {}
    for index, character in enumerate(right):
        places[character] = places.get(character, 0) | 1 << index
    full, last = (1 << size) - 1, 1 << (size - 1)
    rises, falls, distance = full, 0, size
    for character in left:
        match = places.get(character, 0)
        vertical = match | falls
        horizontal = (((match & rises) + rises) ^ rises) | match
        up = falls | ~(horizontal | rises) & full
        down = rises & horizontal
        distance += bool(up & last) - bool(down & last)
        up, down = (up << 1 | 1) & full, down << 1 & full
        rises, falls = down | ~(vertical | up) & full, up & vertical
    return distance
