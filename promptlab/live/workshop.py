"""The processes and connections that a run works with; a long-lived program keeps them from run to run."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from promptlab.engine.plan import Cell
from promptlab.engine.providers.web_client import WebClient
from promptlab.engine.rendering import Renderer
from promptlab.engine.step import Step
from promptlab.engine.worker import Printed, Workers, print_to_stderr
from promptlab.schemas.template import Template


class Workshop:
    """The template process, the workers of project code and the client of http steps; an async context.

    Each part starts when it is first needed. A worker that holds a project file as it was before it was
    saved is replaced when a newer one is called. `offline`: project code reaches this machine alone.
    """

    def __init__(
        self,
        root: Path,
        *,
        on_print: Callable[[Printed], None] = print_to_stderr,
        offline: bool = False,
    ) -> None:
        self.renderer = Renderer()
        self.workers = Workers(root, on_print=on_print, offline=offline)
        self.web = WebClient()
        self._open = AsyncExitStack()

    def get_ready(self, cells: Iterable[Cell]) -> None:
        """Have templates compiled that are about to be needed, where the template process runs already."""
        self.renderer.get_ready(_templates(_steps(cells)))

    async def start(self, cells: Iterable[Cell]) -> None:
        """Start the template process where a step that is held to its time would wait for that."""
        steps = _steps(cells)
        if any(step.timeout is not None for step in steps):
            await self.renderer.warm_up(_templates(steps))

    async def __aenter__(self) -> Self:
        for part in (self.renderer, self.workers, self.web):
            await self._open.enter_async_context(part)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._open.aclose()


def _steps(cells: Iterable[Cell]) -> list[Step]:
    return [planned.step for cell in cells for planned in cell.all_steps()]


def _templates(steps: Sequence[Step]) -> Iterator[Template]:
    return (part.template for step in steps for part in step.own_parts())
