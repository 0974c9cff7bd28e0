"""Replay: what comes from outside is taken from recordings; nothing is sent, and what lacks is noted."""

from dataclasses import dataclass, field

from promptlab.core.frozen import frozen
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest


@frozen
class Anyhow:
    """Recorded answers that serve whoever asks, also a step that says `recall: false`."""

    recorded: RecordedAnswers

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        del own_run_only
        return await self.recorded.recall(request)


@dataclass(slots=True)
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
