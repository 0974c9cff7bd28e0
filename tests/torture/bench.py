"""What all kinds of trouble share: places to make it in, the seed, how thoroughly, and what came of it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

from tests.fakes import FakeProvider
from tests.torture.commands import Warm
from tests.torture.place import ROWS, Place


@dataclass(frozen=True, slots=True)
class Finding:
    """How a kind of trouble ended: `faults` says what broke, `untried` why it could not be made at all."""

    trouble: str
    tried: int = 0
    faults: tuple[str, ...] = ()
    untried: str | None = None

    @property
    def ended(self) -> str:
        if self.untried is not None:
            return f"NOT TRIED: {self.untried}"
        return f"{len(self.faults)} BROKEN" if self.faults else "held"


@dataclass
class Bench:
    """`thorough`: every point, else a sample that fits into `make test`; `full`: also what others cover."""

    folder: Path
    provider: FakeProvider
    warm: Warm
    seed: int
    thorough: bool = True
    full: bool = False
    random: Random = field(init=False)
    _numbers: Iterator[int] = field(default_factory=count, init=False)

    def __post_init__(self) -> None:
        self.random = Random(self.seed)

    def place(self, *, rows: int = ROWS, root: Path | None = None) -> Place:
        """Give a new project; the provider is as if newly started."""
        self.provider.reset()
        return Place(
            root or self.folder / f"place-{next(self._numbers)}", self.provider, self.warm, rows=rows
        )

    def begin(self, trouble: str) -> None:
        """Have the moments of a trouble hang on the seed alone, whatever else is tried before it."""
        self.random = Random(f"{self.seed} {trouble}")

    def some(self, thoroughly: int, quickly: int, *, fully: int | None = None) -> int:
        if self.full:
            return fully or thoroughly
        return thoroughly if self.thorough else quickly

    def points(self, sample: Iterable[int], *, every: int = 1) -> Iterable[int]:
        """Give the numbers of the points at which to strike: all of them, one of so many, or the sample."""
        return count(1, 1 if self.full else every) if self.thorough else sample

    @cached_property
    def uninterrupted(self) -> list[dict[str, Any]]:
        """The report of a run that nothing disturbed."""
        place = self.place()
        end = place.start_run().end()
        assert end.code == 0, end.err
        return place.report()
