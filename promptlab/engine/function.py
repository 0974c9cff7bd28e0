"""A function of the project, as its source text says it; nothing here imports or runs it."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from promptlab.core.frozen import frozen
from promptlab.core.json import JSON


@frozen
class Parameter:
    """One parameter that can be given by name; `annotation` is its source text."""

    name: str
    required: bool
    annotation: str | None
    kind: Literal["positional_or_keyword", "keyword_only"]


@frozen
class Function:
    """What `path.py:function` names; paths are relative to the project's root, with `/`."""

    path: str
    name: str
    source: str  # of the whole file
    parameters: tuple[Parameter, ...]
    accepts_extra: bool  # has **kwargs
    is_async: bool
    line: int
    digest: str  # SHA-256 over `files`
    files: tuple[tuple[str, str], ...]  # (path, SHA-256) of its file and the project files it imports, sorted
    returns: str | None = None  # the source text of what it says it returns

    @property
    def reference(self) -> str:
        return f"{self.path}:{self.name}"

    @property
    def folder(self) -> str:
        return self.path.rpartition("/")[0]


class FunctionError(Exception):
    """A function of the project raised, ran too long, died, or gave what is no JSON."""


def tell_nobody() -> None:
    pass


class CallFunction(Protocol):
    """Runs a function in a child process. Raises FunctionError; `timeout` in seconds.

    With `any_text`, texts may have lone surrogates, as what a model says may.
    Told are: `on_line`, that it waits for a process that is free and has started; `on_leave`, that it
    waits no longer.
    """

    async def __call__(
        self,
        function: Function,
        arguments: Mapping[str, JSON],
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - a child is killed, no task cancelled
        any_text: bool = False,
        on_line: Callable[[], None] = tell_nobody,
        on_leave: Callable[[], None] = tell_nobody,
    ) -> JSON: ...
