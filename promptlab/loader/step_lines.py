"""Where the steps of a pipeline are written: file and line of each."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, cast

from promptlab.core.frozen import frozen
from promptlab.engine.plan import PlannedStep
from promptlab.loader.document import Document, parse_yaml
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.pipeline import PipelineStep


@frozen
class Line:
    """A line of a file, from 1."""

    file: str
    number: int


def step_lines(files: ProjectFiles, path: str, steps: Iterable[PlannedStep]) -> dict[str, Line]:
    """Give the lines of steps by their places (`parts.sort`); of those called, in the files called.

    A step that a variant alone brings has none.
    """

    @cache
    def document(file: str) -> Document | None:
        try:
            text = files.read_text(file, Problems())
        except FileError:
            return None
        return None if text is None else parse_yaml(file, text, Problems())

    def lines(steps: Iterable[PlannedStep], file: str, at: tuple[str | int, ...], within: str) -> Found:
        whole = document(file)
        if whole is None:
            return
        written = _written(whole, at)
        for planned in steps:
            step, place = planned.step, f"{within}{planned.step.id}"
            if step.id not in written:
                continue
            here = (*at, written[step.id])
            yield place, Line(file, whole.position(here).line)
            if step.key == "pipeline":
                called = cast("PipelineStep", step).pipeline.path
                yield from lines(planned.inner, called, ("steps",), f"{place}.")
            elif planned.inner:
                yield from lines(planned.inner, file, (*here, "steps"), f"{place}.")

    return dict(lines(steps, path, ("steps",), ""))


type Found = Iterator[tuple[str, Line]]


def _written(document: Document, at: tuple[str | int, ...]) -> Mapping[str, int]:
    """Give the numbers of the steps in a list by their ids."""
    part = document.part(at)
    items = part.value if part is not None else None
    if not isinstance(items, list):
        return {}
    return {
        str(item["id"]): number
        for number, item in enumerate(items)
        if isinstance(item, dict) and "id" in item
    }
