"""Runs of words, and how many of them two texts have in common."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

type Gram = tuple[str, ...]


def grams(words: Sequence[str], size: int) -> Iterator[Gram]:
    """Give the runs of `size` words; none where there are fewer."""
    return zip(*(words[start:] for start in range(size)), strict=False)


def count_grams(words: Sequence[str], sizes: range) -> Counter[Gram]:
    return Counter(chain.from_iterable(grams(words, size) for size in sizes))


def in_common(words: Sequence[str], counted: Mapping[Gram, int], size: int) -> int:
    """Count the runs of words that are among those counted, each as often as it is there at most."""
    found = Counter(filter(counted.__contains__, grams(words, size)))
    return sum(min(count, counted[gram]) for gram, count in found.items())
