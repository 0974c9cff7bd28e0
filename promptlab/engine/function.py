"""A function of the project's own python, as read from its source (a stand-in until the worker lands)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from promptlab.core.json import JSON


@dataclass(frozen=True, slots=True)
class Function:
    path: str
    name: str
    digest: str


class FunctionError(Exception):
    """A function of the project raised, ran too long, died, or gave what is no JSON."""


class CallFunction(Protocol):
    """Runs a function in a child process. Raises FunctionError; `timeout` in seconds."""

    async def __call__(
        self,
        function: Function,
        arguments: Mapping[str, JSON],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - a child is killed, no task cancelled
    ) -> JSON: ...
