"""The paired test of gates, held to scipy and to its own level and power."""

import sys
from collections.abc import Callable, Sequence
from random import Random

import pytest

from promptlab.analysis.sign_flip import holm, sign_flip

SMALL_SAMPLES: tuple[tuple[float, ...], ...] = (
    (1, 1, 1, 1, -1),
    (1, 0, 0, -1, -1, 0, 1, 1, 1, 1, 1),
    (1 / 3, 2 / 3, -1 / 3, 0, 1, 1 / 3, -2 / 3, 1),
    (0.25, -0.5, 0.75, 0.1, 0.2, 1, -0.05),
    (0.31, -0.2718, 0.1414, 0.577, 0.0123, 0.99, 1.618, -0.7),
)


@pytest.mark.parametrize("falls", SMALL_SAMPLES)
def test_a_sign_flip_has_the_p_that_scipy_gives(falls: tuple[float, ...]) -> None:
    """
    Given the falls of a few rows,
    when they are tested,
    then p is that of scipy's permutation test over all signs, or within what drawing varies by.
    """
    stats = pytest.importorskip("scipy.stats")
    expected = stats.permutation_test(
        (falls,),
        lambda x, axis: x.mean(axis),
        permutation_type="samples",
        alternative="greater",
        n_resamples=10**6,
    )

    assert sign_flip(falls) == pytest.approx(
        expected.pvalue, abs=0.02 if falls is SMALL_SAMPLES[-1] else 1e-9
    )


@pytest.mark.parametrize(("fell", "rose"), [(5, 0), (9, 2), (60, 41), (700, 650), (0, 4), (3, 3)])
def test_rows_that_pass_or_fail_are_tested_as_mcnemar_does(fell: int, rose: int) -> None:
    """
    Given rows that fell and rows that rose, all by one,
    when they are tested,
    then p is the exact binomial one.
    """
    stats = pytest.importorskip("scipy.stats")
    expected = stats.binomtest(fell, fell + rose, alternative="greater").pvalue

    found = sign_flip([1.0] * fell + [-1.0] * rose + [0.0] * 7)

    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_many_rows_are_tested_alike_however_it_is_computed(seed: int) -> None:
    """
    Given 2,000 rows whose falls are no multiples of one number,
    when they are tested, and the same ones rounded to thirds,
    then both p are those of scipy's draws, within what drawing varies by.
    """
    stats = pytest.importorskip("scipy.stats")
    random = Random(seed)
    falls = [random.gauss(0.02, 1) for _ in range(2_000)]
    thirds = [round(fall * 3) / 3 for fall in falls]

    for sample in (falls, thirds):
        spread = sum(fall * fall for fall in sample) ** 0.5
        assert sign_flip(sample) == pytest.approx(stats.norm.sf(sum(sample) / spread), abs=0.01)


def test_where_nothing_moved_nothing_is_shown() -> None:
    """
    Given rows of which none moved, and no rows,
    when they are tested,
    then p is 1.
    """
    assert (sign_flip([0.0] * 9), sign_flip([])) == (1.0, 1.0)


def test_holm_is_the_adjustment_of_the_books() -> None:
    """
    Given the p-values of four tests,
    when they are adjusted,
    then the smallest counts four times, each next one less, and none is below one before it.
    """
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


ROWS, REPEATS, LEVEL = 80, 3, 0.05


def one_answer(random: Random, hardness: Sequence[float], better: float) -> list[list[float]]:
    """Draw rows at temperature 0: each repeat of a row says the same."""
    return [[float(random.random() < max(0.0, rate - better))] * REPEATS for rate in hardness]


def several_answers(random: Random, hardness: Sequence[float], better: float) -> list[list[float]]:
    """Draw rows whose repeats differ, about a rate of the row's own."""
    return [[float(random.random() < max(0.0, rate - better)) for _ in range(REPEATS)] for rate in hardness]


def by_rows(base: list[list[float]], head: list[list[float]]) -> float:
    return sign_flip([sum(b) / REPEATS - sum(h) / REPEATS for b, h in zip(base, head, strict=True)])


def by_trials(base: list[list[float]], head: list[list[float]]) -> float:
    """Pair the repeats as if they were rows, which is the mistake."""
    return sign_flip(
        [b - h for left, right in zip(base, head, strict=True) for b, h in zip(left, right, strict=True)]
    )


def unpaired(base: list[list[float]], head: list[list[float]]) -> float:
    """Test the means of the rows as if they were other rows."""
    stats = pytest.importorskip("scipy.stats")
    sides = [[sum(repeats) / REPEATS for repeats in side] for side in (base, head)]
    return float(stats.ttest_ind(*sides, alternative="greater").pvalue)


type Draw = Callable[[Random, Sequence[float], float], list[list[float]]]
type Test = Callable[[list[list[float]], list[list[float]]], float]


def rate_of_alarms(draw: Draw, test: Test, *, drop: float, times: int = 400) -> float:
    """Say how often a test calls a change worse: rows have hardnesses of their own, as real ones do."""
    random, alarms = Random(11), 0
    for _ in range(times):
        hardness = [random.betavariate(0.6, 0.4) for _ in range(ROWS)]
        alarms += test(draw(random, hardness, 0.0), draw(random, hardness, drop)) <= LEVEL
    return alarms / times


def test_false_alarms_keep_their_level_and_power_beats_the_unpaired_test(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """
    Given 80 rows of various hardness, three repeats, alike at temperature 0 or not,
    when the same prompt is held against itself, and a worse one against it,
    then rows as units alarm at most as often as they may, repeats as units far more often, and of two tests
    that keep their level the paired one notices more.
    """
    found = {
        "A/A, temperature 0": rate_of_alarms(one_answer, by_rows, drop=0),
        "A/A, repeats differ": rate_of_alarms(several_answers, by_rows, drop=0),
        "A/A, temperature 0, repeats as rows": rate_of_alarms(one_answer, by_trials, drop=0),
        "worse, paired": rate_of_alarms(several_answers, by_rows, drop=0.08),
        "worse, unpaired": rate_of_alarms(several_answers, unpaired, drop=0.08),
    }

    with capsys.disabled():
        lines = (f"    {name:<38} {rate:6.1%}\n" for name, rate in found.items())
        sys.stdout.writelines(["\n", *lines])
    noise = 2.6 * (LEVEL * (1 - LEVEL) / 400) ** 0.5
    assert found["A/A, temperature 0"] <= LEVEL + noise
    assert found["A/A, repeats differ"] <= LEVEL + noise
    assert found["A/A, temperature 0, repeats as rows"] > 2 * LEVEL
    assert found["worse, paired"] > found["worse, unpaired"] + 0.1
