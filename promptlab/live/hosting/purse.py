"""What all runs of a server may spend together."""

from promptlab.core.errors import Busy, LimitReached
from promptlab.core.words import money

RESTART = "start the server again to spend more, with the --max-cost that you want"


class ServerPurse:
    """A run gets a share of what is left, which is its limit; what it did not spend comes back at its end.

    `usd` None: there is no ceiling.
    """

    def __init__(self, usd: float | None) -> None:
        self.usd = usd
        self.spent = 0.0
        self._is_reached = False
        self._closed: tuple[str, str] | None = None
        self._shares: dict[str, float] = {}

    @property
    def room(self) -> float | None:
        """What a run that begins now could have, in USD; None: there is no ceiling."""
        if self._closed is not None:
            return 0.0
        return None if self.usd is None else max(0.0, self.usd - self.spent - sum(self._shares.values()))

    def close(self, reason: str, *, hint: str) -> None:
        """Give nothing, whatever is left."""
        self._closed = reason, hint

    def take(self, run_id: str, wanted: float | None) -> float | None:
        """Give the share of a run, all that is left unless it wants less; raises LimitReached, and Busy."""
        if self._closed is not None:
            reason, hint = self._closed
            raise LimitReached(reason, hint=hint)
        if self.usd is None:
            return None
        left = self.usd - self.spent
        if self._is_reached or left <= 0:
            raise LimitReached(
                f"the runs of this server may cost {money(self.usd)}, and have cost {money(self.spent)}: "
                "what is left is not enough for a call",
                hint=RESTART,
            )
        room = left - sum(self._shares.values())
        if room <= 0:
            others = ", ".join(self._shares)
            hint = "wait for its end, or say max_cost of each run"
            raise Busy(f"what this server may still spend is set aside for run {others}", hint=hint)
        self._shares[run_id] = room if wanted is None else min(room, wanted)
        return self._shares[run_id]

    def give_back(self, run_id: str, spent: float | None, *, has_met_it: bool = False) -> None:
        """Count what a run spent; None: unknown, so that its share counts as spent.

        `has_met_it`: the ceiling stopped the run; if nobody else had a share then, it is reached.
        """
        share = self._shares.pop(run_id, 0.0)
        self.spent += share if spent is None else spent
        self._is_reached |= has_met_it and not self._shares
