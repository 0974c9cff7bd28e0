"""Intervals of rates and means, held to scipy."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptlab.analysis.intervals import Draws, Z, draws, mean_interval, rate_interval, wilson


def singles(values: Sequence[float]) -> Draws:
    return draws(range(len(values)), values)


@pytest.mark.parametrize(("passed", "total"), [(0, 5), (5, 5), (1, 3), (45, 50), (900, 1000), (3, 100_000)])
def test_a_rate_has_the_interval_that_scipy_gives(passed: int, total: int) -> None:
    """
    Given some passes of a total,
    when Wilson's interval is asked for,
    then it is scipy's.
    """
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(passed, total).proportion_ci(method="wilson")

    found = wilson(passed, total)

    assert found is not None
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-6)


@given(total=st.integers(1, 10_000), share=st.floats(0, 1))
def test_an_interval_of_a_rate_lies_around_it(total: int, share: float) -> None:
    """
    Given any rate,
    when its interval is asked for,
    then the rate is in it, and it is in 0..1.
    """
    passed = round(total * share)

    found = wilson(passed, total)

    assert found is not None
    assert 0 <= found.low <= passed / total <= found.high <= 1


def test_rows_that_were_tried_once_are_trials() -> None:
    """
    Given 50 rows tried once, 45 of which passed,
    when the rate's interval is asked for,
    then it is Wilson's of 45 of 50.
    """
    assert rate_interval(singles([1.0] * 45 + [0.0] * 5)) == wilson(45, 50)


def test_repeats_that_say_the_same_add_nothing() -> None:
    """
    Given 50 rows tried four times each, always with the same end,
    when the rate's interval is asked for,
    then it is nearly that of the 50 rows, not of 200 trials.
    """
    rows, values = (
        [row for row in range(50) for _ in range(4)],
        [float(row < 45) for row in range(50) for _ in "four"],
    )

    found, once = rate_interval(draws(rows, values)), wilson(45, 50)

    assert found is not None
    assert once is not None
    assert found.high - found.low == pytest.approx(once.high - once.low, rel=0.02)


SPREADS: Mapping[str, Callable[[Random], float]] = {
    "even": lambda random: random.random(),
    "few values": lambda random: float(random.random() < 0.8),
    "skewed": lambda random: random.expovariate(1),
    "long tail": lambda random: random.lognormvariate(0, 1.2),
}


@pytest.mark.parametrize("rows", [12, 60, 400])
@pytest.mark.parametrize("spread", SPREADS)
def test_a_mean_has_the_interval_of_a_bootstrap(spread: str, rows: int) -> None:
    """
    Given values of some spread,
    when the interval of their mean is asked for,
    then it is scipy's bootstrap within what resampling varies by.
    """
    numpy, stats = pytest.importorskip("numpy"), pytest.importorskip("scipy.stats")
    random = Random(7)
    values = [SPREADS[spread](random) for _ in range(rows)]
    expected = stats.bootstrap((values,), numpy.mean, n_resamples=4000, method="percentile", rng=1)

    found = mean_interval(singles(values))

    assert found is not None
    interval, noise = expected.confidence_interval, 0.25 * float(expected.standard_error)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=noise)


def test_rows_are_drawn_whole() -> None:
    """
    Given rows tried three times with nearly the same value each time,
    when the interval of the mean is asked for,
    then it is as wide as that of the rows, and wider than that of the trials.
    """
    random = Random(3)
    means = [random.random() for _ in range(40)]
    rows, values = [row for row in range(40) for _ in range(3)], [mean for mean in means for _ in range(3)]

    found, of_rows, of_trials = (
        mean_interval(draws(rows, values)),
        mean_interval(singles(means)),
        mean_interval(singles(values)),
    )

    assert found is not None
    assert of_rows is not None
    assert of_trials is not None
    assert (found.low, found.high) == pytest.approx((of_rows.low, of_rows.high))
    assert found.high - found.low > 1.5 * (of_trials.high - of_trials.low)


def test_rows_may_have_unlike_many_values() -> None:
    """
    Given a row with many values beside rows with one,
    when the interval of the mean is asked for,
    then it is around the mean of all values.
    """
    rows, values = [0] * 8 + [1, 2, 3], [1.0] * 8 + [0.0, 1.0, 0.0]

    found = mean_interval(draws(rows, values))

    assert found is not None
    assert found.low < 9 / 11 < found.high


def test_one_row_has_no_interval_and_like_values_have_none_around_them() -> None:
    """
    Given a single row, and rows with one and the same value,
    when intervals are asked for,
    then there is none for the first, and the second is a point.
    """
    alone, alike = mean_interval(singles([1.0])), mean_interval(singles([0.25] * 5))

    assert alone is None
    assert alike is not None
    assert (alike.low, alike.high) == (0.25, 0.25)


def test_intervals_are_the_same_each_time() -> None:
    """
    Given few values, whose interval is drawn,
    when it is asked for twice,
    then it is the same.
    """
    values = [0.0, 1.0, 0.5, 0.25, 3.0]

    assert mean_interval(singles(values)) == mean_interval(singles(values))


def test_what_never_came_counts_as_it_is_told() -> None:
    """
    Given eight passes and two trials that never came,
    when the interval of the pass rate is asked for,
    then it is that of eight of ten.
    """
    assert rate_interval(draws(range(8), [1.0] * 8, never=2)) == wilson(8, 10)
    assert pytest.approx(1.959963984540054) == Z
