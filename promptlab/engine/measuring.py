"""How long a request is, as far as it is known."""

from collections.abc import Iterator, Mapping

from promptlab.core.json import canonical
from promptlab.engine.attached_tokens import likely_tokens
from promptlab.engine.call import Call
from promptlab.engine.completion import CompletionRequest
from promptlab.engine.conversation import Attachment
from promptlab.engine.forecast import Request
from promptlab.engine.handlers.budget import output_ceiling
from promptlab.engine.stand_ins import counted
from promptlab.schemas.plan import BYTES_PER_TOKEN

MESSAGE_BYTES = 16  # what a message's frame takes beside its text: four tokens


def measured(call: Call, marks: Mapping[str, str] | None = None) -> Request:
    """Measure the request of a call; `marks` stand in it for the answers of steps."""
    request = call.request
    texts = list(_read(request))
    blanks = counted(texts, marks or {})
    missing = sum(times * len((marks or {})[step].encode()) for step, times in blanks.items())
    text = sum(len(part.encode("utf-8", "surrogatepass")) for part in texts)
    parts = (part for message in request.messages for part in message.parts)
    attached = sum(likely_tokens(part, request.model) for part in parts if isinstance(part, Attachment))
    return Request(
        profile=call.profile,
        ceiling=output_ceiling(request.params, call.profile),
        size=request.size - missing,
        text=text - missing + MESSAGE_BYTES * len(request.messages) + BYTES_PER_TOKEN * attached,
        blanks=blanks,
        problem=call.problem,
    )


def _read(request: CompletionRequest) -> Iterator[str]:
    """Give what the model reads of a request, as texts."""
    yield from (message.text for message in request.messages)
    if request.json_schema is not None:
        yield canonical(request.json_schema)
    yield from (canonical(tool.as_json()) for tool in request.tools)
