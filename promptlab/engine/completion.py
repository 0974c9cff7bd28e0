"""What is asked of a model and what comes back."""

from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import Literal

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON, canonical, digest
from promptlab.engine.conversation import Message, Tool, ToolCall

FINGERPRINT_VERSION = "promptlab-completion-1"

type FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "refusal", "other"]
type FailureKind = Literal[
    "rate_limit",  # 429, 529: asked too often
    "timeout",  # no answer in time
    "connection",  # not reached, reset, cut off
    "server",  # 5xx, 408, an answer that is none
    "invalid_request",  # the provider does not take this request
    "refused",  # 401, 402, 403: closes the model for the run
    "unknown_model",  # 404: likewise
    "code",  # the project's own python failed
    "closed",  # not sent: the model was closed before
    "limit",  # not sent: a limit of the run was reached
    "no_room",  # not sent: other runs took or hold what is left of a day's limit; never leaves Budget
    "interrupted",  # not sent: the run is ending
    "unwanted",  # not sent: whoever asked for it waits no longer
    "unrecorded",  # not sent: a replay sends nothing, and has no recording of it
]


@frozen
class Endpoint:
    """Where a model is asked: the provider's name, the identity of its address, and its dialect."""

    provider: str
    identity: str
    api: str


@frozen(slots=False)
class CompletionRequest:
    """A request in the field's common terms; providers map it to their dialect."""

    endpoint: Endpoint
    model: str
    messages: tuple[Message, ...]
    params: Mapping[str, JSON] = field(default_factory=dict)
    json_schema: Mapping[str, JSON] | None = None
    sample: int = 0
    tools: tuple[Tool, ...] = ()
    vote: int = 0  # which of several times that a judge is asked the same

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of all that is sent: the key of recall, resume and replay."""
        return digest([FINGERPRINT_VERSION, self.as_json()])

    @property
    def size(self) -> int:
        """The bytes of all texts that are sent, and the most tokens of attachments; no request has more."""
        text = len(canonical(self.as_json()).encode("utf-8", "surrogatepass"))
        return text + sum(message.most_attached_tokens for message in self.messages)

    def as_json(self) -> dict[str, JSON]:
        return {
            "endpoint": self.endpoint.identity,
            "api": self.endpoint.api,
            "model": self.model,
            "params": dict(self.params),
            "messages": [message.as_json() for message in self.messages],
            "schema": dict(self.json_schema) if self.json_schema is not None else None,
            "sample": self.sample,
            **({"tools": [tool.as_json() for tool in self.tools]} if self.tools else {}),
            **({"vote": self.vote} if self.vote else {}),
        }


@frozen
class Usage:
    """Tokens of one answer; `input_tokens` includes what the vendor read from its cache."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_tokens + other.cached_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


@frozen
class Quota:
    """What a provider's headers say is left of its rate limits, and in how many seconds each is reset."""

    requests: int | None = None
    requests_reset: float | None = None
    tokens: int | None = None
    tokens_reset: float | None = None


@frozen(kw_only=True)
class Completion:
    """A whole answer: a text, calls of tools, or both.

    Cost (USD, None: unknown) and latency (ms) are those of the original call.
    `spent_usd` and `attempts` are what it took to get it here: nothing if it was recalled.
    `logprobs`: the natural logarithm of each token's probability, None where they were not asked for.
    `error`: why a function of the project gave nothing, where that is recorded.
    """

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason = "stop"
    usage: Usage = Usage()
    cost_usd: float | None = None
    spent_usd: float | None = 0.0
    latency_ms: float = 0.0
    first_token_ms: float | None = None
    answered_by: str = ""
    raw: bytes = b""
    id: int | None = None
    recalled: bool = False
    attempts: int = 1
    quota: Quota | None = None
    logprobs: tuple[float, ...] | None = None
    error: str | None = None


@frozen(kw_only=True)
class CallFailure:
    """No answer. `outcome` unknown: the request left and may have been paid for.

    `retry_after` is in seconds. `closes`: asking this model again in this run is no use.
    """

    kind: FailureKind
    message: str
    status: int | None = None
    retry_after: float | None = None
    outcome: Literal["failed", "unknown", "unsent"] = "failed"
    closes: bool = False
    raw: bytes = b""
    spent_usd: float | None = 0.0
    attempts: int = 1
    quota: Quota | None = None

    @property
    def left(self) -> bool:
        """Whether what was asked is left for a later run rather than failed."""
        return self.closes or self.kind in ("closed", "limit", "interrupted", "unwanted", "unrecorded")


type Answer = Completion | CallFailure
