"""Asks one model after the other until one answers; each is a request of its own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from promptlab.engine.completion import Answer, CallFailure, FailureKind
from promptlab.engine.plan import Target
from promptlab.schemas.events import Emit, FellBack

FOR_GOOD: frozenset[FailureKind] = frozenset(
    (
        "rate_limit",
        "timeout",
        "connection",
        "server",
        "invalid_request",
        "refused",
        "unknown_model",
        "closed",
    )
)


async def first_answer(
    line: Sequence[Target], ask: Callable[[Target], Awaitable[Answer]], emit: Emit
) -> Answer:
    """Give the first answer; where a limit or the end of the run forbids to ask, that; else what failed."""
    failures: list[CallFailure] = []
    for index, target in enumerate(line):
        if failures:
            emit(FellBack(line[index - 1].profile.name, target.profile.name, failures[-1].message))
        answer = await ask(target)
        if not isinstance(answer, CallFailure) or answer.kind not in FOR_GOOD:
            return answer
        failures.append(answer)
    return _together(failures)


def _together(failures: Sequence[CallFailure]) -> CallFailure:
    """Tell all failures as one; the step is left for a later run only if each model is."""
    telling = next((failure for failure in failures if not failure.left), failures[-1])
    messages = dict.fromkeys(failure.message for failure in failures)
    return replace(telling, message="; then ".join(messages))
