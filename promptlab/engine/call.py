"""What travels down the completion chain: a request, and how it is to be handled."""

from collections.abc import Awaitable, Callable

from promptlab.core.frozen import frozen
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest, Usage
from promptlab.engine.provider import ModelProfile, Price
from promptlab.schemas.pipeline import RetryPolicy
from promptlab.schemas.run import TrialKey

UNWANTED = CallFailure(kind="unwanted", message="nobody waits for it any more", outcome="unsent", attempts=0)


async def _at_once() -> None:
    pass


@frozen
class Worst:
    """The most that an attempt may use; `usd` None where the price is unknown."""

    tokens: int = 0
    usd: float | None = 0.0


@frozen(kw_only=True)
class Call:
    """`ask` is the end of the chain: it answers the call's request or raises a ProviderError.

    `problem`: why the model cannot be asked at all. `refusal` says, once it is the call's turn, why it may
    not leave after all. `trial`: the one that it is made for; `step`: the path of its step, "" of a check's.
    `get_ready`: opens what the model's first request needs. Told are: `on_line`, that it waits for its turn;
    `on_leave`, that it does no longer; `on_sent`, that an attempt was sent.
    """

    request: CompletionRequest
    profile: ModelProfile
    ask: "Ask"
    retry: RetryPolicy
    recall: bool = True
    problem: str | None = None
    attempt: int = 1
    worst: Worst = Worst()
    refusal: Callable[[], CallFailure | None] = lambda: None
    trial: TrialKey | None = None
    step: str = ""
    get_ready: Callable[[], Awaitable[None]] = _at_once
    on_line: Callable[[], None] = lambda: None
    on_leave: Callable[[], None] = lambda: None
    on_sent: Callable[[], None] = lambda: None

    @property
    def model(self) -> str:
        return self.profile.name

    def may_repeat(self, kind: str) -> bool:
        """Whether its policy has this attempt followed by another, should it fail so."""
        return self.attempt < self.retry.max_attempts and kind in self.retry.on


type Ask = Callable[[Call], Awaitable[Completion]]


def asking(complete: Callable[[CompletionRequest], Awaitable[Completion]]) -> Ask:
    """Give a way to ask whoever needs to know nothing of a call but its request."""
    return lambda call: complete(call.request)


def cost_of(usage: Usage, price: Price | None) -> float | None:
    """Give USD for `usage`; None where the price is unknown."""
    if price is None:
        return None
    cached = price.input if price.cached is None else price.cached
    fresh = usage.input_tokens - usage.cached_tokens
    return (fresh * price.input + usage.cached_tokens * cached + usage.output_tokens * price.output) / 1e6
