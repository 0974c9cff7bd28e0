"""Many numbers of one kind, one after the other."""

from array import array
from collections.abc import Iterator
from itertools import chain
from typing import Literal

BLOCK = 1024


class Numbers[N: (int, float)]:
    """Keeps numbers in blocks, at 1, 4 or 8 bytes each (`kind` b, I, d, as in `array`).

    What is there is not moved when more come: one long array would be, and leave holes as large as itself.
    """

    __slots__ = ("_blocks", "_kind", "_last")

    def __init__(self, kind: Literal["b", "I", "d"]) -> None:
        self._kind = kind
        self._last: array[N] = array(kind)
        self._blocks: list[array[N]] = [self._last]

    def append(self, number: N) -> None:
        if len(self._last) == BLOCK:
            self._last = array(self._kind)
            self._blocks.append(self._last)
        self._last.append(number)

    def __len__(self) -> int:
        return (len(self._blocks) - 1) * BLOCK + len(self._last)

    def __iter__(self) -> Iterator[N]:
        return chain.from_iterable(self._blocks)
