"""Chain of Responsibility: both chains of the engine are built here."""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

type Forward[Q, A] = Callable[[Q], Awaitable[A]]


class Handler[Q, A](Protocol):
    """A link: it answers a request itself, or forwards it and may look at the answer."""

    async def handle(self, request: Q, forward: Forward[Q, A]) -> A: ...


def chain[Q, A](handlers: Sequence[Handler[Q, A]], last: Forward[Q, A]) -> Forward[Q, A]:
    """Give one callable that passes a request through `handlers` in order, to `last`."""
    for handler in reversed(handlers):
        last = partial(handler.handle, forward=last)
    return last
