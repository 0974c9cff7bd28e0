"""Classification reports, held to their definitions and to scikit-learn's numbers."""

import pytest

from promptlab.analysis.confusion import ClassReport, Confusion, Pair
from promptlab.schemas.metrics import NO_ANSWER


def reported(*pairs: Pair, missing: int = 0) -> ClassReport:
    confusion = Confusion()
    for pair in pairs:
        confusion.add(pair)
    return confusion.report(missing)


def test_a_report_has_the_numbers_of_scikit_learn() -> None:
    """
    Given six labels and predictions, one of a class that was never expected,
    when the report is made,
    then it has what scikit-learn's f1_score and classification_report have for them.
    """
    found = reported(("a", "a"), ("a", "b"), ("b", "b"), ("b", "b"), ("c", "a"), ("c", "d"))

    assert found.accuracy == 0.5
    assert found.macro_f1 == pytest.approx((0.5 + 0.8 + 0 + 0) / 4)
    assert found.values("f1")["f1.b.precision"] == pytest.approx(2 / 3)
    assert found.values("f1")["f1.b.recall"] == 1
    assert found.values("f1")["f1"] == found.macro_f1


def test_an_answer_that_never_came_is_a_class_that_is_never_right() -> None:
    """
    Given four trials of one class of which one gave no answer,
    when the report is made,
    then it counts against accuracy and recall, and is a column of the matrix but no class of the average.
    """
    found = reported(("a", "a"), ("a", "a"), ("a", "a"), ("a", None))

    assert (found.accuracy, found.part("a", "recall"), found.part("a", "precision")) == (0.75, 0.75, 1.0)
    assert found.macro_f1 == found.part("a", "f1") == pytest.approx(6 / 7)
    assert found.as_json()["matrix"] == {"expected": ["a"], "actual": ["a", NO_ANSWER], "counts": [[3, 1]]}


def test_trials_that_never_came_are_wrong() -> None:
    """
    Given two right trials of four,
    when the report is made,
    then accuracy and recall are a half, and precision is whole.
    """
    found = reported(("a", "a"), ("b", "b"), missing=2)

    assert (found.accuracy, found.part("a", "recall"), found.part("a", "precision")) == (0.5, 0.5, 1.0)


def test_trials_without_a_label_are_left_out_and_counted() -> None:
    """
    Given a right trial and two without a label,
    when the report is made,
    then only the first counts, and the others are told of.
    """
    found = reported(("a", "a"), (None, "a"), (None, None))

    assert found.accuracy == 1
    assert found.as_json()["unlabelled"] == 2


def test_free_text_does_not_fill_memory() -> None:
    """
    Given a thousand different answers,
    when they are counted,
    then those beyond a bound are one class.
    """
    found = reported(*(("a", f"text {number}") for number in range(1000)))

    assert len(found.classes) == 201
    assert found.accuracy == 0
