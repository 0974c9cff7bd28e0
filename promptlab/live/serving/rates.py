"""How often an address may ask: a bucket of requests that fills again."""

import time
from collections import OrderedDict
from collections.abc import Callable
from math import ceil

from promptlab.live.serving.asgi import Scope
from promptlab.live.serving.problem import Problem
from promptlab.live.serving.tokens import OPEN_FILES

MOST_ADDRESSES = 1_000
BURST_SECONDS = 3


class RateCheck:
    """Refuses an address that asks more than `rate` times a second, after a burst of three seconds' worth."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._room = rate * BURST_SECONDS
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __call__(self, scope: Scope) -> Problem | None:
        if scope["path"].startswith(OPEN_FILES):
            return None
        address = (scope.get("client") or ("",))[0]
        left, now = self._left(address), self._clock()
        self._keep(address, max(left - 1, 0), now)
        if left >= 1:
            return None
        wait = str(ceil((1 - left) / self._rate))
        return Problem(429, f"too many requests; come back in {wait} s", headers=(("Retry-After", wait),))

    def _left(self, address: str) -> float:
        left, at = self._buckets.get(address, (self._room, self._clock()))
        return min(self._room, left + (self._clock() - at) * self._rate)

    def _keep(self, address: str, left: float, now: float) -> None:
        self._buckets[address] = (left, now)
        self._buckets.move_to_end(address)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
