"""Keep: commits what a function of the project gave before anybody sees it; no request left for it."""

from promptlab.core.frozen import frozen, replace
from promptlab.engine.brake import Brake
from promptlab.engine.call import Call
from promptlab.engine.call_log import CallLog
from promptlab.engine.chain import Forward
from promptlab.engine.completion import Answer, CallFailure, Completion
from promptlab.engine.provider import ProviderError


@frozen
class Keep:
    """An interrupted run calls no more functions; one that a limit stopped finishes what it has begun."""

    log: CallLog
    brake: Brake

    async def handle(self, call: Call, forward: Forward[Call, Answer]) -> Answer:
        refusal = self.brake.refusal()
        if refusal is not None and refusal.kind == "interrupted":
            return refusal
        try:
            answer = await forward(call)
        except ProviderError as error:
            return error.as_failure()
        if isinstance(answer, CallFailure):
            return answer
        return await self._kept(call, replace(answer, cost_usd=0.0))

    async def _kept(self, call: Call, answer: Completion) -> Completion:
        return replace(answer, id=await self.log.keep(call.request, answer))
