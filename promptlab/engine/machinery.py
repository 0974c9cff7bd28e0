"""What a run works with: the chains' ends, the template process, the project's code, time and the brake."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.clock import Clock
from promptlab.engine.completion import Answer
from promptlab.engine.function import CallFunction
from promptlab.engine.scope import Render
from promptlab.schemas.events import Emit


@dataclass(frozen=True, slots=True, kw_only=True)
class Machinery:
    """`complete` and `act` are the two completion chains: for models, and for the project's functions.

    `streams`: answers are told piece by piece, as they come.
    `call` runs a function without recording it: for checks, which are judged anew each time.
    """

    complete: Callable[[Call], Awaitable[Answer]]
    act: Callable[[Call], Awaitable[Answer]]
    call: CallFunction
    render: Render
    clock: Clock
    brake: Brake
    emit: Emit
    streams: bool = False
