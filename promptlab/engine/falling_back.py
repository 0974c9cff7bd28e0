"""Asks one model after the other until one answers; each is a request of its own.

Which models failed is kept, so that a fallback's answer is the step's from then on.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from promptlab.core.frozen import frozen, replace
from promptlab.core.json import JSON
from promptlab.engine.call import Call
from promptlab.engine.call_log import RecordedAnswers
from promptlab.engine.completion import (
    Answer,
    CallFailure,
    Completion,
    CompletionRequest,
    Endpoint,
    FailureKind,
)
from promptlab.schemas.events import Emit, FellBack

FAILED = Endpoint("failed", "failed", "failed")
OF_THE_REQUEST: frozenset[FailureKind] = frozenset(
    ("rate_limit", "timeout", "connection", "server", "invalid_request")
)
FOR_GOOD: frozenset[FailureKind] = OF_THE_REQUEST | {"refused", "unknown_model", "closed"}

type Line = Sequence[Call]


class Keeps(Protocol):
    """Where it is kept which models failed."""

    async def keep(self, request: CompletionRequest, answer: Completion) -> int: ...


@frozen
class FallbackRecord:
    """Knows which models failed a request for good, so that a fallback is the first to be asked, or recalled.

    Not those that could not be asked at all: the next run asks them first again. `keeps` None: nothing is
    written.
    """

    log: RecordedAnswers
    fresh: bool = False
    keeps: Keeps | None = None

    async def first(self, line: Line) -> tuple[int, str]:
        """Give which of the line is to be asked first, and why those before it are not."""
        starts = range(len(line) - 1, 0, -1)
        requests = line[0].request, *(_failed(line[:start]) for start in starts)
        found = await asyncio.gather(*(self._recorded(line[0], request) for request in requests))
        known = zip((0, *starts), found, strict=True)
        return next(((start, answer.text) for start, answer in known if answer is not None), (0, ""))

    async def keep(self, line: Line, failures: Sequence[CallFailure]) -> None:
        """Commit that all of these failed, if those that were asked now, the last ones, had all attempts."""
        if self.keeps is not None and all(map(_is_final, line[-len(failures) :], failures)):
            why = Completion(text=failures[-1].message, cost_usd=0.0, attempts=0)
            await self.keeps.keep(_failed(line), why)

    async def _recorded(self, call: Call, request: CompletionRequest) -> Completion | None:
        return await self.log.recall(request, own_run_only=self.fresh or not call.recall)


async def first_answer(
    line: Line, ask: Callable[[Call], Awaitable[Answer]], record: FallbackRecord, emit: Emit
) -> Answer:
    """Give the first answer; where a limit or the end of the run forbids to ask, that; else what failed.

    Those that failed in an earlier run are asked last.
    """
    start, reason = await record.first(line)
    if start:
        emit(FellBack(line[start - 1].model, line[start].model, reason, recalled=True))
    failures: list[CallFailure] = []
    asked = [*line[start:], *line[:start]]
    for index, call in enumerate(asked):
        if failures:
            emit(FellBack(asked[index - 1].model, call.model, failures[-1].message))
        answer = await ask(call)
        if not isinstance(answer, CallFailure) or answer.kind not in FOR_GOOD:
            if failures and start + index < len(line):
                await record.keep(line[: start + index], failures)
            return answer
        failures.append(answer)
    return _together(failures)


def _is_final(call: Call, failure: CallFailure) -> bool:
    """Say whether a call was made, and as often as it may be, so that no stop of the run cut it short."""
    last = replace(call, attempt=failure.attempts)
    return bool(failure.attempts) and failure.kind in OF_THE_REQUEST and not last.may_repeat(failure.kind)


def _failed(line: Line) -> CompletionRequest:
    """Name the failure of these models at a request as something that can be recorded."""
    fingerprints: list[JSON] = [call.request.fingerprint for call in line]
    return CompletionRequest(
        endpoint=FAILED, model=line[-1].model, messages=(), params={"requests": fingerprints}
    )


def _together(failures: Sequence[CallFailure]) -> CallFailure:
    """Tell all failures as one; the step is left for a later run only if each model is."""
    telling = next((failure for failure in failures if not failure.left), failures[-1])
    messages = dict.fromkeys(failure.message for failure in failures)
    return replace(telling, message="; then ".join(messages))
