"""Replay: what comes from outside is taken from recordings; nothing is sent, and what lacks is noted."""

from collections.abc import Callable
from dataclasses import field

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest


@frozen
class Anyhow:
    """Recorded answers that serve whoever asks, also a step that says `recall: false`."""

    recorded: RecordedAnswers

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        del own_run_only
        return await self.recorded.recall(request)


def raised(answer: Answer) -> Answer:
    """Give what a function of the project raised, where that is what was recorded, as the failure it was."""
    if not isinstance(answer, Completion) or answer.error is None:
        return answer
    return CallFailure(kind="code", message=answer.error, attempts=0)


@frozen
class Raise:
    """Recorded errors of functions are errors again."""

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        return raised(await forward(call))


@frozen
class NoteRaised:
    """Tells what functions of the project raised: it is no answer, but a replay needs it."""

    note: Callable[[CompletionRequest, Completion], None]

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        answer = await forward(call)
        if isinstance(answer, CallFailure) and answer.kind == "code":
            self.note(call.request, Completion(text="", error=answer.message, cost_usd=0.0))
        return answer


@slotted
class Lacking:
    """The end of each chain in a replay. `calls`: those without a recording, each request once."""

    calls: dict[str, Call] = field(default_factory=dict)

    async def __call__(self, call: Call) -> Answer:
        self.calls.setdefault(call.request.fingerprint, call)
        return CallFailure(
            kind="unrecorded",
            message=f"no answer of {call.model} is recorded",
            outcome="unsent",
            attempts=0,
        )


@frozen
class Replay:
    """What a replay answers from, and what notes where that is not enough."""

    recorded: RecordedAnswers
    lacking: Lacking = field(default_factory=Lacking)
