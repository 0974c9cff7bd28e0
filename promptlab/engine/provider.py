"""Strategy: a provider turns a request into a completion, or raises one error of this tree.

ProviderError
├── RateLimited       429, 529; with `retry_after` seconds where the provider says so
├── TimedOut          no answer in time; outcome unknown
├── ConnectionFailed  not reached (failed), reset or cut off after the request left (unknown)
├── ServerFault       408, 5xx
├── BrokenAnswer      200 with a body that is no answer, or without usage; outcome unknown
├── InvalidRequest    400, 409, 413, 422 …
├── Refused           401, 402, 403, a missing or malformed key; closes the model
└── UnknownModel      404; closes the model
"""

from collections.abc import Callable, Mapping
from typing import ClassVar, Literal, Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import (
    CallFailure,
    Completion,
    CompletionRequest,
    Endpoint,
    FailureKind,
    Quota,
)
from promptlab.engine.conversation import ALL_FORMS, Form
from promptlab.schemas.pipeline import Params


class ProviderError(Exception):
    kind: ClassVar[FailureKind] = "server"
    closes: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        outcome: Literal["failed", "unknown"] = "failed",
        raw: bytes = b"",
        quota: Quota | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.retry_after = retry_after
        self.outcome = outcome
        self.raw = raw
        self.quota = quota

    def as_failure(self) -> CallFailure:
        return CallFailure(
            kind=self.kind,
            message=self.message,
            status=self.status,
            retry_after=self.retry_after,
            outcome=self.outcome,
            closes=self.closes,
            raw=self.raw,
            quota=self.quota,
        )


class RateLimited(ProviderError):
    kind = "rate_limit"


class TimedOut(ProviderError):
    kind = "timeout"


class ConnectionFailed(ProviderError):
    kind = "connection"


class ServerFault(ProviderError):
    kind = "server"


class BrokenAnswer(ProviderError):
    kind = "server"


class InvalidRequest(ProviderError):
    kind = "invalid_request"


class Refused(ProviderError):
    kind = "refused"
    closes = True


class UnknownModel(ProviderError):
    kind = "unknown_model"
    closes = True


@frozen
class Price:
    """USD per million tokens."""

    input: float
    output: float
    cached: float | None = None


@frozen
class SchemaFault:
    """Why a model does not take a JSON Schema, and where in it."""

    message: str
    place: tuple[str | int, ...] = ()


type JudgeSchema = Callable[[Mapping[str, JSON]], SchemaFault | None]


def _takes_any_schema(_schema: Mapping[str, JSON]) -> SchemaFault | None:
    return None


@frozen(kw_only=True)
class ModelProfile:
    """What is known of a model before it is asked. `price` None: unknown. Rates are per minute.

    `takes`: what may be attached to a message; `takes_tools`: whether it can be told of tools.
    `needs_turn`: whether somebody beside the system must have spoken.
    `schema_fault` says what of a schema the model does not take.
    """

    endpoint: Endpoint
    model: str
    price: Price | None = None
    max_output_tokens: int | None = None
    max_concurrency: int | None = None
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    takes: frozenset[Form] = ALL_FORMS
    schema_fault: JudgeSchema = _takes_any_schema
    takes_tools: bool = True
    needs_turn: bool = False

    @property
    def name(self) -> str:
        return f"{self.endpoint.provider}/{self.model}"


type Tell = Callable[[str], None]


class ParamsFault(ValueError):
    """A model does not take some of the params; `names` are those of the pipeline's `params`."""

    def __init__(self, message: str, *names: str) -> None:
        super().__init__(message)
        self.names = names


class Provider(Protocol):
    """One way to reach models. Its options are its fields; `complete` is its behaviour."""

    def profile(self, model: str) -> ModelProfile:
        """Say what is known of `model`, without any request."""
        ...

    def wire_params(self, model: str, params: Params) -> Mapping[str, JSON]:
        """Map `params` to what goes on the wire; raises ValueError for what the model has none of,
        as ParamsFault where it is known which they are.
        """
        ...

    def check(self, model: str) -> None:
        """Raise UsageError, with what mends it, where `model` cannot be asked: no key, no weights."""
        ...

    async def warm_up(self) -> None:
        """Import and open what the first request will need; sends nothing to the provider."""
        ...

    async def complete(self, request: CompletionRequest) -> Completion:
        """Ask once, without retries; give a whole answer or raise a ProviderError.

        The completion has `text`, `finish_reason`, `usage`, `latency_ms`, `answered_by` and `raw`
        (the body as received); cost, id and the rest are filled in by the chain.
        """
        ...

    async def stream(self, request: CompletionRequest, tell: Tell) -> Completion:
        """Ask once like `complete`, and tell each piece of the text as soon as it comes.

        The completion has `first_token_ms` besides. A provider that cannot stream tells the whole text.
        """
        ...

    async def close(self) -> None: ...
