"""Record: commits that an attempt is about to leave, and its result before anybody sees it."""

import asyncio

from promptlab.core.frozen import replace, slotted
from promptlab.engine.call import Call, cost_of
from promptlab.engine.call_log import CallLog, Intent
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.provider import ProviderError
from promptlab.schemas.events import AttemptEnded, AttemptSent, Emit

NO_ROOM = CallFailure(
    kind="no_room", message="other runs hold what is left of the day's limit", outcome="unsent", attempts=0
)


@slotted
class Record:
    log: CallLog
    emit: Emit

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        intent = Intent(
            request=call.request,
            number=call.attempt,
            reserved_usd=call.worst.usd,
            reserved_tokens=call.worst.tokens,
        )
        attempt_id = await self.log.intend(intent)
        if attempt_id is None:
            return NO_ROOM
        refusal = call.refusal()
        if refusal is not None:  # the run was stopped while the intent was written
            await self.log.settle(attempt_id, intent, refusal)
            return refusal
        self.emit(AttemptSent(call.model, call.attempt))
        call.on_sent()
        try:
            answer = await self._ask(call, forward)
        except BaseException as error:
            await self._abandoned(attempt_id, intent, call, error)
            raise
        completion_id = await self.log.settle(attempt_id, intent, answer)
        self._announce(call, answer)
        return replace(answer, id=completion_id) if isinstance(answer, Completion) else answer

    async def _ask(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        try:
            return priced(call, await forward(call))
        except ProviderError as error:
            return priced(call, error.as_failure())

    async def _abandoned(self, attempt_id: int, intent: Intent, call: Call, error: BaseException) -> None:
        """Record as unknown what was cancelled, or ended in an error that nobody foresaw."""
        message = f"ended by {type(error).__name__}"
        failure = priced(call, CallFailure(kind="interrupted", message=message, outcome="unknown"))
        await asyncio.shield(self.log.settle(attempt_id, intent, failure))
        self._announce(call, failure)

    def _announce(self, call: Call, answer: Answer) -> None:
        failure = answer if isinstance(answer, CallFailure) else None
        ended = AttemptEnded(
            call.model,
            call.attempt,
            failure=failure.kind if failure else None,
            spent_usd=answer.spent_usd,
            outcome_unknown=failure is not None and failure.outcome == "unknown",
        )
        self.emit(ended)


def priced(call: Call, answer: Answer) -> Answer:
    """Say what an attempt took; one of unknown outcome is as dear as it may have been."""
    if isinstance(answer, Completion):
        cost = cost_of(answer.usage, call.profile.price)
        return replace(answer, cost_usd=cost, spent_usd=cost, attempts=call.attempt)
    spent = call.worst.usd if answer.outcome == "unknown" else 0.0
    return replace(answer, spent_usd=spent, attempts=call.attempt)
