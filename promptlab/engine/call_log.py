"""Where calls are remembered: the engine's view of the run log, and one that lives in memory."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Protocol

from promptlab.engine.completion import CallFailure, Completion, CompletionRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An attempt that is about to leave; `reserved_usd` is the worst that it may cost."""

    request: CompletionRequest
    number: int
    reserved_usd: float | None


class CallLog(Protocol):
    """Committed means: it survives a kill of this process."""

    async def recall(self, fingerprint: str, *, own_run_only: bool = False) -> Completion | None:
        """Give the newest recorded answer to this request, with `recalled` set."""
        ...

    async def intend(self, intent: Intent) -> int:
        """Record that an attempt is about to leave; committed on return. Gives the attempt's id."""
        ...

    async def settle(self, attempt_id: int, intent: Intent, answer: Completion | CallFailure) -> int | None:
        """Record how an attempt ended; committed on return. Gives the completion's id, if it is one."""
        ...


@dataclass(slots=True)
class MemoryCallLog:
    """A call log that forgets with the process, for tests and for runs that want no log."""

    completions: dict[str, Completion] = field(default_factory=dict)
    attempts: dict[int, tuple[Intent, Completion | CallFailure | None]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    async def recall(self, fingerprint: str, *, own_run_only: bool = False) -> Completion | None:
        del own_run_only
        found = self.completions.get(fingerprint)
        return replace(found, recalled=True) if found else None

    async def intend(self, intent: Intent) -> int:
        attempt_id = next(self._ids)
        self.attempts[attempt_id] = (intent, None)
        return attempt_id

    async def settle(self, attempt_id: int, intent: Intent, answer: Completion | CallFailure) -> int | None:
        self.attempts[attempt_id] = (intent, answer)
        if isinstance(answer, CallFailure):
            return None
        self.completions[intent.request.fingerprint] = replace(answer, id=attempt_id)
        return attempt_id
