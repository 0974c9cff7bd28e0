"""Which rows of a dataset are run: those that `where` holds for, of these a sample, of these the first."""

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import field
from math import ceil

from promptlab.core.frozen import frozen, slotted

__all__ = ["Chooser", "Selection"]

KEY_BYTES = 8


@frozen
class Selection:
    """The rows that are run, by index; `flags` has a byte for each row up to the last that is."""

    flags: bytes
    count: int

    def __contains__(self, index: int) -> bool:
        return index < len(self.flags) and self.flags[index] == 1

    @property
    def end(self) -> int:
        """The index behind the last row that is run."""
        return len(self.flags)


@slotted
class Chooser:
    """Takes the rows for which the dataset's `where` holds, in order, and chooses of them.

    `sample` is a number of rows, below 1 a share. A row's place in the sample hangs on `seed` and its own id
    alone: another order gives the same sample, and a new row takes at most one other's place.
    """

    sample: float | None = None
    seed: int = 0
    limit: int | None = None
    _rows: array[int] = field(default_factory=lambda: array("I"))
    _keys: array[int] = field(default_factory=lambda: array("Q"))
    _wanted: bytearray = field(default_factory=bytearray)

    @property
    def is_full(self) -> bool:
        """Whether no further row can be chosen."""
        return self.sample is None and self.limit is not None and len(self._rows) >= self.limit

    def take(self, index: int, row_id: str, *, wanted: bool = True) -> None:
        """Take one more row; one that is not `wanted` may be chosen, but is not run then."""
        if self.is_full:
            return
        self._rows.append(index)
        if self.sample is not None:
            self._keys.append(_key(self.seed, row_id))
        self._wanted.append(wanted)

    def selection(self) -> Selection:
        chosen = [self._rows[taken] for taken in self._sampled()[: self.limit] if self._wanted[taken]]
        flags = bytearray(chosen[-1] + 1 if chosen else 0)
        for index in chosen:
            flags[index] = 1
        return Selection(bytes(flags), len(chosen))

    def _sampled(self) -> Sequence[int]:
        every = range(len(self._rows))
        if self.sample is None:
            return every
        share = ceil(round(self.sample * len(every), 9)) if self.sample < 1 else int(self.sample)
        return sorted(sorted(every, key=self._keys.__getitem__)[:share])


def _key(seed: int, row_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{row_id}".encode()).digest()[:KEY_BYTES])
