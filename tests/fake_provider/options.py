"""The options that are the same for every request."""

from dataclasses import dataclass, fields, replace
from typing import Any

from .wire import Json

_SHORTEST_KEY = 8  # shorter ones would be masked all over the journal


@dataclass(frozen=True, slots=True)
class Options:
    """`answer` None echoes; `models` empty accepts any; times are in milliseconds."""

    answer: str | dict[str, Any] | None = None
    latency_ms: float = 0
    jitter_ms: float = 0
    event_ms: float = 0
    api_key: str | None = None
    max_concurrent: int | None = None
    models: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.api_key is not None and len(self.api_key) < _SHORTEST_KEY:
            raise ValueError(f"api_key: at least {_SHORTEST_KEY} characters are wanted")

    def changed(self, changes: Json) -> "Options":
        """Return the options with some replaced; raises ValueError naming what is not known."""
        known = [spec.name for spec in fields(self)]
        if unknown := [name for name in changes if name not in known]:
            raise ValueError(f"options: unknown {', '.join(unknown)}; known are {', '.join(known)}")
        listed = {"models": tuple(changes["models"])} if "models" in changes else {}
        return replace(self, **(changes | listed))
