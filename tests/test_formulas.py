"""Formulas of derived metrics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.core.formulas import formula

KNOWN = {
    "cost_usd": 3.0,
    "passed": 4.0,
    "latency_ms.p50": 20.0,
    "few-shot": 2.0,
    "nothing": 0.0,
    "unsaid": None,
}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("cost_usd / passed", 0.75),
        ("-latency_ms.p50 + 2 ** 3", -12.0),
        ('metrics["few-shot"] * (1 + passed) % 3', 1.0),
        ("max(cost_usd, passed, 1) - min(1, 2) + abs(-1) + sqrt(passed)", 6.0),
        ("cost_usd / nothing if nothing > 0 else -1", -1.0),
    ],
)
def test_arithmetic_over_metrics(source: str, value: float) -> None:
    """
    Given a formula over metrics,
    when it is computed,
    then its value is that of arithmetic.
    """
    assert formula(source)(KNOWN) == value


@pytest.mark.parametrize(
    "source", ["cost_usd / nothing", "unsaid + 1", "sqrt(-1)", "9 ** 9 ** 9", "absent", "1e308 * 10"]
)
def test_what_has_no_number_is_unknown(source: str) -> None:
    """
    Given a formula that divides by zero, names what has no value, or is no finite number,
    when it is computed,
    then nothing is its value, and nothing is raised.
    """
    assert formula(source)(KNOWN) is None


@pytest.mark.parametrize(
    "source",
    ["", "1 +", "__import__('os')", "[1][0]", "'a' * 9", "x()", "True", "a < b < c", "(" * 500, "1" * 2000],
)
def test_what_is_no_arithmetic_is_refused(source: str) -> None:
    """
    Given text that is no formula, or code,
    when it is read,
    then it is refused.
    """
    with pytest.raises(ValueError, match=r"formula|arithmetic|longer"):
        formula(source)


@given(st.text(alphabet="ab1.+-*/%() <>=[]\"'", max_size=30))
def test_any_text_is_read_or_refused(source: str) -> None:
    """
    Given any text,
    when it is read as a formula,
    then it is refused, or can be computed.
    """
    try:
        found = formula(source)
    except ValueError:
        return

    assert found({"a": 1.0, "b": 0.0}) is None or found.names is not None
