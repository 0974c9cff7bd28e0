"""Whether paired values fell by more than chance: the sign-flip permutation test over rows, and Holm's rule.

Under "not worse" each row might as well have risen as it fell, so all signs are equally likely. Where every
row is one pass or fail the test is McNemar's, exact. (Fisher 1935; McNemar 1947; Holm 1979.)
"""

from collections.abc import Sequence
from math import comb, exp, isclose, pi, sqrt
from random import Random
from statistics import NormalDist

SEED = 0
FINEST = 60  # repeats of a row; what is averaged over so many lies on a grid of whole numbers
MOST_BITS = 2**25  # of a distribution that is computed whole: some 20 ms
TIMES, ENOUGH = 4_999, 400  # draws, and of those as extreme ones after which no more are needed
CHUNK = 8
MANY, MOST_WEIGHT = (
    1_000,
    0.005,
)  # rows, and of all squares that of one, from which the sum is as good as normal


def sign_flip(falls: Sequence[float]) -> float:
    """Give how likely rows that are as often better as worse fall by as much as these, one-sided.

    Exact where the falls are multiples of one number, as those of rates are, and not too many; else drawn,
    5,000 times at most, by a seed that is always the same; of very many, by the normal distribution with its
    correction for their kurtosis. 1.0 where nothing moved.
    """
    moved = [fall for fall in falls if fall]
    if not moved:
        return 1.0
    sizes = _whole(moved)
    if sizes is not None and all(abs(size) == abs(sizes[0]) for size in sizes):
        return _binomial_tail(sum(size > 0 for size in sizes), len(sizes))
    if sizes is not None and sum(map(abs, sizes)) * (len(sizes) + 1) <= MOST_BITS:
        return _exact(sizes)
    squares = [fall * fall for fall in moved]
    is_normal = len(moved) >= MANY and max(squares) <= MOST_WEIGHT * sum(squares)
    return _normal_tail(moved) if is_normal else _drawn(moved)


def holm(chances: Sequence[float]) -> list[float]:
    """Adjust p-values of tests made together, so that one level holds for all of them."""
    ordered = sorted(range(len(chances)), key=chances.__getitem__)
    adjusted, so_far = [0.0] * len(chances), 0.0
    for rank, index in enumerate(ordered):
        so_far = max(so_far, min(1.0, chances[index] * (len(chances) - rank)))
        adjusted[index] = so_far
    return adjusted


def _whole(falls: Sequence[float]) -> list[int] | None:
    """Give the falls in units of the largest step that all are multiples of, if there is one."""
    distinct = {abs(fall) for fall in falls}
    largest = max(distinct)
    shares = [fall / largest for fall in distinct]
    for parts in range(1, FINEST + 1):
        if all(round(share * parts) and isclose(round(share * parts) / parts, share) for share in shares):
            return [round(fall / largest * parts) for fall in falls]
    return None


def _binomial_tail(fell: int, moved: int) -> float:
    """Give how likely `fell` or more heads are in `moved` throws of a coin."""
    term = total = comb(moved, fell)
    for heads in range(fell + 1, moved + 1):
        term = term * (moved - heads + 1) // heads
        total += term
    return total / (1 << moved)


def _exact(sizes: Sequence[int]) -> float:
    """Count the ways to choose which rows fall, by how far all fall in sum.

    The counts are the digits of one long number, each `width` bits; a row that may fall by k adds the same
    counts shifted by k digits.
    """
    width = len(sizes) + 1
    ways = 1
    for size in map(abs, sizes):
        ways += ways << (size * width)
    fallen = sum(size for size in sizes if size > 0)
    return _sum_of_digits(ways >> (fallen * width), width) / (1 << len(sizes))


def _sum_of_digits(number: int, width: int) -> int:
    """Add up the digits of a number in base 2 ** width; their sum must be less than that less one."""
    return number % ((1 << width) - 1)


def _normal_tail(falls: Sequence[float]) -> float:
    squares = sum(fall**2 for fall in falls)
    z, excess = sum(falls) / sqrt(squares), -2 * sum(fall**4 for fall in falls) / squares**2
    density = exp(-z * z / 2) / sqrt(2 * pi)
    return max(0.0, 1 - NormalDist().cdf(z) + density * excess / 24 * (z**3 - 3 * z))


def _drawn(falls: Sequence[float]) -> float:
    """Draw signs; those of eight rows at a time, whose sums are looked up."""
    random = Random(SEED)  # noqa: S311 - statistics, no secret
    tables = [_sums(falls[start : start + CHUNK]) for start in range(0, len(falls), CHUNK)]
    seen = sum(falls)
    least = seen - 1e-9 * sum(map(abs, falls))
    as_extreme = 0
    for drawn in range(1, TIMES + 1):
        picks = random.randbytes(len(tables))
        as_extreme += (
            sum(table[pick % len(table)] for table, pick in zip(tables, picks, strict=True)) >= least
        )
        if as_extreme == ENOUGH:
            return ENOUGH / drawn
    return (as_extreme + 1) / (TIMES + 1)


def _sums(falls: Sequence[float]) -> list[float]:
    """Give the sum of the falls for each choice of their signs."""
    sums = [0.0]
    for fall in falls:
        sums = [one + signed for one in sums for signed in (fall, -fall)]
    return sums
