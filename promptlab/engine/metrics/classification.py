"""`classification: {expected, actual}`: accuracy, macro F1, and precision, recall and F1 of each class."""

from collections.abc import Iterator
from typing import ClassVar

from promptlab.core.json import JSON, as_text
from promptlab.engine.metric import Metric
from promptlab.engine.scope import Names, Render, RenderFailed, filled
from promptlab.schemas.base import Frozen
from promptlab.schemas.fields import Templated
from promptlab.schemas.template import Place, Template, TemplatedValue

type Sample = tuple[str | None, str | None]


class Classes(Frozen):
    expected: Templated
    actual: Templated


class Classification(Metric):
    """Holds the class that a trial gave against the one that its row expects, both as text."""

    key: ClassVar[str] = "classification"
    classification: Classes

    def templates(self) -> Iterator[tuple[Place, Template]]:
        for name in ("expected", "actual"):
            for place, template in self._of(name).holes:
                yield (self.key, name, *place), template

    def as_source(self) -> dict[str, JSON]:
        classes: dict[str, JSON] = {name: self._of(name).source for name in ("expected", "actual")}
        return {"name": self.name, self.key: classes}

    def _of(self, name: str) -> TemplatedValue:
        found: TemplatedValue = getattr(self.classification, name)
        return found

    async def sample(self, names: Names, render: Render, *, errored: bool) -> Sample:
        """Give expected and actual class; None for one that is null or cannot be rendered."""
        expected = await _class(self._of("expected"), names, render)
        return expected, None if errored else await _class(self._of("actual"), names, render)


async def _class(value: TemplatedValue, names: Names, render: Render) -> str | None:
    try:
        found: JSON = await filled(value, names, render)
    except RenderFailed:
        return None
    return None if found is None else as_text(found).strip()
