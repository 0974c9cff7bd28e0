"""Classes that were expected against those that came: confusion matrix and classification report."""

from collections import Counter
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.core.json import JSON
from promptlab.schemas.metrics import CLASS_PARTS, NO_ANSWER

OTHER = "(other)"
MOST_CLASSES = 200

type Pair = tuple[str | None, str | None]


@slotted
class Confusion:
    """Counts pairs of expected and actual class.

    An actual of None is an answer that never came: a class of its own that is never right, and no part of
    the macro average. An expected of None is a trial without a label, which is left out and counted.
    """

    pairs: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    unlabelled: int = 0
    _seen: set[str] = field(default_factory=set)

    def add(self, pair: Pair) -> None:
        expected, actual = pair
        if expected is None:
            self.unlabelled += 1
            return
        self.pairs[self._known(expected), None if actual is None else self._known(actual)] += 1

    def _known(self, name: str) -> str:
        """Give the class, or the one that stands for all beyond a number that nobody reads."""
        if name in self._seen or len(self._seen) < MOST_CLASSES:
            self._seen.add(name)
            return name
        return OTHER

    def report(self, missing: int = 0) -> "ClassReport":
        """`missing`: trials that never came. They count as wrong, their classes as those of the others."""
        return ClassReport(self, missing)


@slotted
class ClassReport:
    """Precision, recall and F1 of each class, as scikit-learn has them with `zero_division=0`."""

    confusion: Confusion
    missing: int
    classes: list[str] = field(init=False)
    _expected: Counter[str] = field(default_factory=Counter)
    _actual: Counter[str] = field(default_factory=Counter)
    _right: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        for (expected, actual), count in self.confusion.pairs.items():
            self._expected[expected] += count
            if actual is not None:
                self._actual[actual] += count
            if expected == actual:
                self._right[expected] += count
        self.classes = sorted(self._expected.keys() | self._actual.keys())

    @property
    def came(self) -> float:
        """The share of the trials that came."""
        counted = self._expected.total()
        return counted / (counted + self.missing) if counted else 1.0

    @property
    def accuracy(self) -> float | None:
        total = self._expected.total() + self.missing
        return self._right.total() / total if self._expected else None

    @property
    def macro_f1(self) -> float | None:
        return (
            sum(self.part(name, "f1") for name in self.classes) / len(self.classes) if self.classes else None
        )

    def part(self, name: str, part: str) -> float:
        right, expected, actual = self._right[name], self._expected[name] / self.came, self._actual[name]
        whole = {"precision": actual, "recall": expected, "f1": (expected + actual) / 2}[part]
        return right / whole if whole else 0.0

    def values(self, name: str) -> dict[str, float | None]:
        """Give the metrics by their names, the metric's own first."""
        if not self.classes:
            return {name: None}
        parts = {f"{name}.{one}.{part}": self.part(one, part) for one in self.classes for part in CLASS_PARTS}
        whole = {"accuracy": self.accuracy, "macro_f1": self.macro_f1}
        return {name: self.macro_f1, **{f"{name}.{key}": value for key, value in whole.items()}, **parts}

    def as_json(self) -> dict[str, JSON]:
        """Give report and matrix: `counts[i][j]` of class `expected[i]` were called `actual[j]`."""
        expected = [name for name in self.classes if self._expected[name]]
        actual = [*self.classes, *([NO_ANSWER] if self._unanswered() else [])]
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "classes": {
                name: {**self._parts(name), "support": self._expected[name]} for name in self.classes
            },
            "matrix": {
                "expected": [*expected],
                "actual": [*actual],
                "counts": [[self._count(one, other) for other in actual] for one in expected],
            },
            "unlabelled": self.confusion.unlabelled,
            "missing": self.missing,
        }

    def _parts(self, name: str) -> dict[str, JSON]:
        return {part: self.part(name, part) for part in CLASS_PARTS}

    def _unanswered(self) -> bool:
        return any(actual is None for _, actual in self.confusion.pairs)

    def _count(self, expected: str, actual: str) -> int:
        known = actual in self.classes
        return self.confusion.pairs[expected, actual if known else None]
