"""Strategy: a dialect says how a request is written and how an answer is read; no input or output here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON
from promptlab.engine.completion import CompletionRequest, FinishReason, Usage
from promptlab.engine.conversation import ToolCall
from promptlab.engine.provider import ParamsFault, SchemaFault
from promptlab.schemas.pipeline import Params

_OURS = ("model", "messages", "stream", "stream_options")


@frozen
class Reading:
    """What an answer says."""

    text: str
    finish_reason: FinishReason
    usage: Usage
    answered_by: str
    tool_calls: tuple[ToolCall, ...] = ()
    logprobs: tuple[float, ...] | None = None


class StreamDialect(Protocol):
    """How a dialect streams: what is laid over the body to ask for it, and what its events say."""

    @property
    def asked(self) -> Mapping[str, JSON]: ...

    def piece(self, event: Any) -> str:
        """Give the text that an event adds, or nothing."""
        ...

    def assembled(self, events: Iterable[Any]) -> dict[str, Any]:
        """Give the body that a plain answer would have; raises ValueError where its end is missing."""
        ...


class Dialect(Protocol):
    @property
    def path(self) -> str:
        """What stands behind the base address."""
        ...

    @property
    def stream(self) -> StreamDialect: ...

    def wire_params(self, model: str, params: Params) -> dict[str, JSON]:
        """Map common names to this vendor's; raises ValueError for what the model has none of."""
        ...

    def schema_fault(self, schema: Mapping[str, JSON]) -> SchemaFault | None:
        """Say what of a schema the dialect has no words for, or None."""
        ...

    def body(self, request: CompletionRequest) -> dict[str, JSON]: ...

    def read(self, request: CompletionRequest, found: Any) -> Reading:
        """Read an answer's JSON; raises ValueError saying what is wrong with it."""
        ...


def given(params: Params) -> dict[str, JSON]:
    """Give the parameters that are said, without `extra`, as JSON."""
    return params.model_dump(mode="json", exclude_none=True, exclude={"extra"})


def refuse(params: Mapping[str, JSON], names: tuple[str, ...], who: str) -> None:
    """Raise ParamsFault if one of `names` is among the parameters."""
    found = [name for name in names if name in params]
    if found:
        raise ParamsFault(f"{who} has no {' or '.join(found)}; take it out of params", *found)


def with_extra(wire: dict[str, JSON], params: Params, *reserved: str) -> dict[str, JSON]:
    """Lay `extra` over the parameters; raises ParamsFault for what is not its to say."""
    extra = params.extra or {}
    ours = [name for name in (*_OURS, *reserved) if name in extra]
    if ours:
        raise ParamsFault(f"extra cannot say {' or '.join(ours)}; that is not a parameter", "extra")
    return laid_over(wire, extra)


def laid_over(wire: Mapping[str, JSON], over: Mapping[str, JSON]) -> dict[str, JSON]:
    """Lay one body over another; where both have a map under a key, those are merged."""
    laid = dict(wire)
    for key, value in over.items():
        under = wire.get(key)
        laid[key] = {**under, **value} if isinstance(under, dict) and isinstance(value, dict) else value
    return laid


def finished(reason: FinishReason, calls: Sequence[ToolCall]) -> FinishReason:
    """Hold the reason to the calls that are there: not every server says `tool_calls` for them."""
    if calls:
        return "tool_calls" if reason in ("stop", "other") else reason
    if reason == "tool_calls":
        raise ValueError("it says that tools are called, but has no calls")
    return reason


def count(usage: Mapping[str, Any], name: str, *, required: bool = True) -> int:
    """Give a number of tokens; raises ValueError where it is missing or none."""
    value = usage.get(name)
    if value is None and not required:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"usage without {name}")
    return value


def printable(text: str) -> str:
    """Give the text with lone surrogates, which no file can hold, replaced."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
