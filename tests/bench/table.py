"""The lines that a bench prints, each as soon as it is known."""

import sys
from dataclasses import dataclass

from tests.bench.measure import Measure

_COLUMNS = "{:<46} {:>8} {:>8} {:>9} {:>8} {:>7}"


@dataclass(slots=True)
class Table:
    """Measures of the same number of units; `floor` is the one that the ratios of rates refer to."""

    title: str
    units: int
    unit: str = "row"
    floor: Measure | None = None

    def __post_init__(self) -> None:
        say("")
        say(
            _COLUMNS.format(
                self.title, f"{self.unit}s/s", "wall s", f"CPU ms/{self.unit}", "peak MB", "ratio"
            )
        )

    def add(self, what: str, measure: Measure) -> None:
        """Print a line; the rate is that of the loop alone where the program says it."""
        seconds = measure.loop_seconds or measure.wall
        cpu = 1000 * measure.cpu / self.units
        numbers = (
            f"{self.units / seconds:.0f}",
            f"{measure.wall:.2f}",
            f"{cpu:.2f}",
            f"{measure.peak_mb:.0f}",
        )
        say(_COLUMNS.format(f"  {what}", *numbers, self._ratio(measure)))

    def missing(self, what: str, why: str) -> None:
        say(f"  {what}: {why}")

    def _ratio(self, measure: Measure) -> str:
        if self.floor is None or self.floor.loop_seconds is None or measure.loop_seconds is None:
            return ""
        return f"{self.floor.loop_seconds / measure.loop_seconds:.2f}"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
