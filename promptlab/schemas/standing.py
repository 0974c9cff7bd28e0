"""How a row stands after some of its repeats: the curtailed rule of `repeat: {max, until: decided, pass}`."""

from collections import Counter
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.schemas.pipeline import Repeat
from promptlab.schemas.run import TrialStatus


@slotted
class Standing:
    """`ended`: the repeats of one row in one cell that ended, by how they did.

    With `until: decided` the row is decided once no outcome of the repeats still to come could change what
    all of them would say: as many passed as must, or so many did not that too few can. A repeat that errored
    did not pass. One that was skipped does not count; where none failed, the row passes by those that passed
    at the end only.
    """

    repeat: Repeat
    ended: Counter[TrialStatus] = field(default_factory=Counter)

    def add(self, status: TrialStatus) -> None:
        self.ended[status] += 1

    @property
    def made(self) -> int:
        return self.ended.total()

    @property
    def lost(self) -> int:
        """How many repeats neither passed nor were skipped."""
        return self.made - self.ended["passed"] - self.ended["skipped"]

    @property
    def further(self) -> int:
        """The fewest further repeats after which the row can be decided; 0: it is.

        So many may be made side by side, and none of them is made in vain.
        """
        to_come = self.repeat.count - self.made
        if self.repeat.until is None or self.repeat.needed is None:
            return to_come
        to_pass = self.repeat.needed - self.ended["passed"]
        to_fail = to_come - to_pass + 1
        fewest = min(to_pass, to_fail if self.lost else max(1, to_fail), to_come)
        return max(0, fewest)

    @property
    def has_failed(self) -> bool:
        """Whether the row, once decided, did not pass."""
        return self.lost > 0 and self.ended["passed"] < (self.repeat.needed or 1)
