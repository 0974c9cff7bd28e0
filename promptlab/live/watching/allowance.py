"""What a watch may spend, over all its runs."""

from dataclasses import field, replace

from promptlab.core.frozen import slotted
from promptlab.core.words import money
from promptlab.live.running import OF_FLAG, RunRequest


@slotted
class Allowance:
    """`usd` is the ceiling of --max-cost, if there is one. `reached`: what there is to say at a ceiling."""

    usd: float | None
    spent_usd: float = 0.0
    reached: str | None = None
    _step: float = field(init=False)

    def __post_init__(self) -> None:
        self._step = self.usd or 0.0

    def limited(self, request: RunRequest) -> RunRequest:
        """Give the request with what is left."""
        spent = self.spent_usd
        return replace(request, max_cost=self.usd, spent=spent, session_spent=spent)

    def meet(self, reason: str) -> str:
        """A ceiling was met; give what there is to do."""
        way_out = (
            f"press + for {money(self._step)} more" if f"({OF_FLAG})" in reason else "change promptlab.yaml"
        )
        self.reached = f"{reason}; {way_out}, or q to quit"
        return self.reached

    def raise_ceiling(self) -> str:
        """Let as much more be spent as was said at first; give what there is to say."""
        if self.usd is None:
            return "there is no --max-cost to raise"
        self.usd += self._step
        return f"the ceiling is {money(self.usd)} now"
