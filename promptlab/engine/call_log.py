"""Where calls are remembered: the engine's view of the run log, and one that lives in memory."""

from collections.abc import Iterator
from dataclasses import field
from itertools import count
from typing import Protocol

from promptlab.core.frozen import frozen, replace, slotted
from promptlab.engine.completion import CallFailure, Completion, CompletionRequest
from promptlab.engine.day_limit import DaySpend


@frozen(kw_only=True)
class Intent:
    """An attempt that is about to leave; what is reserved is the worst that it may take."""

    request: CompletionRequest
    number: int
    reserved_usd: float | None
    reserved_tokens: int = 0


class RecordedAnswers(Protocol):
    """What was answered before."""

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        """Give the newest recorded answer to this request, with `recalled` set.

        Not set: a resumed run bought it before it went on, and no trial of it has told so yet.
        """
        ...


class CallLog(RecordedAnswers, Protocol):
    """Committed means: it survives a kill of this process."""

    async def in_doubt(self, fingerprint: str) -> bool:
        """Say whether this request left before, in any run, and nobody knows what became of it."""
        ...

    async def intend(self, intent: Intent) -> int | None:
        """Record that an attempt is about to leave; committed on return. Gives the attempt's id.

        None, and nothing is recorded, where a limit that all runs on the log share leaves no room for it.
        """
        ...

    async def today(self) -> DaySpend:
        """Give what was spent on this UTC day, by this run and by others."""
        ...

    async def settle(self, attempt_id: int, intent: Intent, answer: Completion | CallFailure) -> int | None:
        """Record how an attempt ended; committed on return. Gives the completion's id, if it is one.

        An attempt that never left (`unsent`) is struck out, so that there is a row for each that did.
        """
        ...

    async def keep(self, request: CompletionRequest, answer: Completion) -> int:
        """Record what no attempt was made for, as a function's result; committed on return. Gives its id."""
        ...


@slotted
class MemoryCallLog:
    """A call log that forgets with the process, for tests and for runs that want no log."""

    completions: dict[str, Completion] = field(default_factory=dict)
    attempts: dict[int, tuple[Intent, Completion | CallFailure | None]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))
    _own: set[str] = field(default_factory=set)

    def new_run(self) -> "MemoryCallLog":
        """Give the same log as another run sees it."""
        return MemoryCallLog(self.completions, self.attempts, self._ids)

    async def recall(self, request: CompletionRequest, *, own_run_only: bool = False) -> Completion | None:
        if own_run_only and request.fingerprint not in self._own:
            return None
        found = self.completions.get(request.fingerprint)
        return replace(found, recalled=True) if found else None

    async def in_doubt(self, fingerprint: str) -> bool:
        return fingerprint not in self.completions and any(
            intent.request.fingerprint == fingerprint and getattr(answer, "outcome", None) == "unknown"
            for intent, answer in self.attempts.values()
        )

    async def intend(self, intent: Intent) -> int:
        attempt_id = next(self._ids)
        self.attempts[attempt_id] = (intent, None)
        return attempt_id

    async def settle(self, attempt_id: int, intent: Intent, answer: Completion | CallFailure) -> int | None:
        self.attempts[attempt_id] = (intent, answer)
        if isinstance(answer, CallFailure) and answer.outcome == "unsent":
            del self.attempts[attempt_id]
        return None if isinstance(answer, CallFailure) else await self.keep(intent.request, answer)

    async def today(self) -> DaySpend:
        return DaySpend(own=sum(answer.spent_usd or 0.0 for _, answer in self.attempts.values() if answer))

    async def keep(self, request: CompletionRequest, answer: Completion) -> int:
        completion_id = next(self._ids)
        self.completions[request.fingerprint] = replace(answer, id=completion_id)
        self._own.add(request.fingerprint)
        return completion_id
