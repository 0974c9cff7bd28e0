"""How a watch comes to its end: in good order, or at once where that takes too long."""

import asyncio
import signal
from collections.abc import Callable

from promptlab.core.frozen import slotted
from promptlab.live.interrupts import GRACE_SECONDS, NAMES
from promptlab.live.watching.turning import Turner


@slotted
class Ending:
    """`code`: the exit code, once the watch is to end."""

    turner: Turner
    on_end: Callable[[], None]
    code: int | None = None

    def end(self, code: int, reason: str) -> None:
        """Send nothing more, give what is in flight ten seconds to land, and end with this exit code."""
        if self.code is None:
            self.code = code
            self.turner.stop(reason)
            asyncio.get_running_loop().call_later(GRACE_SECONDS, self.turner.cut)
            self.on_end()

    def interrupt(self, number: signal.Signals) -> None:
        """End in good order; at the second signal at once."""
        if self.code is not None:
            self.turner.cut()
        else:
            self.end(128 + number, NAMES.get(number, number.name))
