"""What the calls of one step took together, however the step ended."""

from dataclasses import field
from typing import Any

from promptlab.core.frozen import slotted
from promptlab.engine.completion import Answer, Completion, CompletionRequest
from promptlab.schemas.run import StepCall, StepResult, StepStatus, total

type Order = tuple[int, int]


@slotted
class Tally:
    """Grows while the step runs, over all times that it asks again.

    `inner`: the steps that it ran inside itself, by item and place.
    """

    calls: list[StepCall] = field(default_factory=list)
    input_tokens: int = 0
    output_tokens: int = 0
    costs: list[float | None] = field(default_factory=list)
    spent: list[float | None] = field(default_factory=list)
    latency_ms: float = 0.0
    finish_reason: str | None = None
    logprobs: tuple[float, ...] | None = None
    model: str | None = None
    inner: dict[Order, StepResult] = field(default_factory=dict)

    def add(self, request: CompletionRequest, answer: Answer) -> None:
        self.spent.append(answer.spent_usd)
        if not isinstance(answer, Completion):
            self._note(request, attempts=answer.attempts)
            return
        self._note(request, attempts=answer.attempts, completion_id=answer.id, recalled=answer.recalled)
        self.input_tokens += answer.usage.input_tokens
        self.output_tokens += answer.usage.output_tokens
        self.costs.append(answer.cost_usd)
        self.latency_ms += answer.latency_ms
        self.finish_reason = answer.finish_reason
        self.logprobs = answer.logprobs

    def add_use(self, request: CompletionRequest, answer: Answer) -> None:
        """Count the use of a tool: no attempt at a model, nothing paid, and its time is not the model's."""
        completion = answer if isinstance(answer, Completion) else None
        self._note(
            request,
            attempts=0,
            completion_id=completion.id if completion is not None else None,
            recalled=completion is not None and completion.recalled,
            tool=True,
        )

    def leave(self, request: CompletionRequest, *, attempts: int) -> None:
        """Count a call that the step did not wait for to the end: nothing is paid for it for certain."""
        self._note(request, attempts=attempts)

    def account(self, step_id: str, status: StepStatus, **made: Any) -> StepResult:
        """Give a result that says what the step took; `made`: the fields that say what it made."""
        return StepResult(
            id=step_id,
            status=status,
            model=self.model,
            calls=tuple(self.calls),
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            cost_usd=total(self.costs),
            spent_usd=total(self.spent),
            latency_ms=self.latency_ms,
            finish_reason=self.finish_reason,
            logprobs=self.logprobs,
            inner=tuple(self.inner[order] for order in sorted(self.inner)),
            **made,
        )

    def _note(
        self,
        request: CompletionRequest,
        *,
        attempts: int,
        completion_id: int | None = None,
        recalled: bool = False,
        tool: bool = False,
    ) -> None:
        call = StepCall(
            fingerprint=request.fingerprint,
            completion_id=completion_id,
            recalled=recalled,
            attempts=attempts,
            tool=tool,
        )
        self.calls.append(call)
