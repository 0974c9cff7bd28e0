"""What loading need not find out twice, for as long as a process lives."""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from promptlab.engine.templating.blocking import BlockingRenderer
from promptlab.loader.known_rows import KnownRows
from promptlab.loader.template_trials import trial
from promptlab.loader.templates import Analysis, TemplateProblem, analyse
from promptlab.schemas.template import Template

__all__ = ["LoadingMemory"]

MOST = 4096


class Kept[V]:
    """Values by key, each found once; the oldest go where they are too many."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._values: dict[str, V] = {}

    def get(self, key: str, find: Callable[[], V]) -> V:
        if key not in self._values:
            if len(self._values) >= self._most:
                del self._values[next(iter(self._values))]
            self._values[key] = find()
        return self._values[key]


class LoadingMemory:
    """Remembers what follows from a content alone, and keeps the template process warm; a context manager.

    Pass the same one to each loading: what has not changed since is neither read nor looked at again.
    """

    def __init__(self, renderer: BlockingRenderer | None = None) -> None:
        self._renderer = renderer or BlockingRenderer()
        self.rows = KnownRows()
        self._analyses = Kept[Analysis]()
        self._trials = Kept[TemplateProblem | None]()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.close()

    def analysis(self, template: Template) -> Analysis:
        """Say what a template names, and what is wrong with it."""
        return self._analyses.get(template.key, lambda: analyse(template))

    def failure(self, template: Template) -> TemplateProblem | None:
        """Render a template without rows; give what fails whatever the row."""
        analysis = self.analysis(template)
        if analysis.problems or not analysis.computes:
            return None
        return self._trials.get(template.key, lambda: trial(self._renderer, template, analysis))
