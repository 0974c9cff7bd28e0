"""What a run works with: the chains' ends, the template process, the project's code, time and the brake."""

from collections.abc import Awaitable, Callable

from promptlab.core.frozen import frozen
from promptlab.engine.attachments import NO_ATTACHMENTS, AttachmentSource
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer
from promptlab.engine.falling_back import FallbackRecord
from promptlab.engine.function import CallFunction
from promptlab.engine.scope import Render
from promptlab.engine.web import SendRequest
from promptlab.schemas.events import Emit


@frozen(kw_only=True)
class Machinery:
    """`complete`, `act`, `use` and `fetch` are chains that record: of models, the project's functions, those
    that models call as tools, and http steps. `call` and `send` are what the latter end in; checks, which
    are judged anew each time, `call` as well.

    `fallbacks` knows which models failed before. `streams`: answers are told piece by piece, as they come.
    `attachments` gives the files that rendered messages name. `is_walk`: trials are only looked at, as far as
    answers are there; nothing is judged.
    """

    complete: Callable[[Call], Awaitable[Answer]]
    act: Callable[[Call], Awaitable[Answer]]
    use: Callable[[Call], Awaitable[Answer]]
    fetch: Callable[[Call], Awaitable[Answer]]
    call: CallFunction
    send: SendRequest
    render: Render
    clock: Clock
    brake: Brake
    emit: Emit
    fallbacks: FallbackRecord
    attachments: AttachmentSource = NO_ATTACHMENTS
    streams: bool = False
    is_walk: bool = False
