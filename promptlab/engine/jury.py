"""Asks models for checks, and counts what that takes."""

from collections.abc import Awaitable, Callable
from dataclasses import field
from functools import partial

from promptlab.core.frozen import frozen
from promptlab.engine.call import Call, asking
from promptlab.engine.completion import Answer, CallFailure, Completion, CompletionRequest
from promptlab.engine.question import AskJudge, NoAnswer, NotAsked, Question
from promptlab.engine.stopwatch import Stopwatch
from promptlab.engine.tally import Tally
from promptlab.engine.target import Judges, Target
from promptlab.schemas.pipeline import RetryPolicy
from promptlab.schemas.run import Asked, TrialKey, total

RETRY = RetryPolicy()


@frozen
class Jury:
    """The models that the checks at one place ask, about `trial`.

    `is_walk`: nobody is asked anything, and the rest of the questions is wanted all the same.
    `stopwatch`: of the step that they judge.
    """

    judges: Judges
    complete: Callable[[Call], Awaitable[Answer]]
    trial: TrialKey
    is_walk: bool = False
    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    def counted_by(self, tally: Tally) -> AskJudge:
        """Give what one check asks; `tally` counts what that takes."""
        return partial(self._ask, tally)

    async def _ask(self, tally: Tally, question: Question) -> Completion:
        target = self.judges.of(question.judge)
        if target is None:
            raise NoAnswer("nothing says which model judges; write `judge: provider/model`")
        call = self._call(question, target)
        with self.stopwatch.timing(call) as timed:
            answer = await self.complete(timed.call)
        tally.model = call.model
        tally.add(call.request, answer)
        if not isinstance(answer, CallFailure):
            return answer
        raise (NotAsked if answer.left and not self.is_walk else NoAnswer)(
            f"the judge {call.model} gave no answer: {answer.message}"
        )

    def _call(self, question: Question, target: Target) -> Call:
        request = CompletionRequest(
            endpoint=target.profile.endpoint,
            model=target.profile.model,
            messages=question.messages,
            params=target.params,
            json_schema=question.schema,
            sample=self.trial.repeat,
            vote=question.vote,
        )
        return Call(
            request=request,
            profile=target.profile,
            ask=asking(target.provider.complete),
            retry=RETRY,
            problem=target.problem,
            trial=self.trial,
            get_ready=target.get_ready,
        )


def asked_of(tally: Tally) -> Asked | None:
    """Give what a check asked of its judges; None where it asked nothing."""
    if not tally.calls:
        return None
    return Asked(
        model=tally.model,
        calls=tuple(tally.calls),
        input_tokens=tally.input_tokens,
        output_tokens=tally.output_tokens,
        cost_usd=total(tally.costs),
        spent_usd=total(tally.spent),
        latency_ms=tally.latency_ms,
    )
