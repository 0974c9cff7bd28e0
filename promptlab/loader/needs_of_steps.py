"""Finds what the steps of a cell need of a row, where nothing but the row decides whether they get it.

Only what is certain is asked for: nothing of steps that a `when` may skip or whose error `on_error` excuses,
nor inside a `foreach`, which may have no items; nothing that a template computes.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, cast

from promptlab.core.frozen import frozen
from promptlab.engine.step import Step
from promptlab.engine.templating.shortcuts import PATH, plain_path
from promptlab.loader.document import Document
from promptlab.loader.lacking import Needed
from promptlab.loader.row_needs import AddressNeed, InputNeed, ListNeed, Path, RowNeed
from promptlab.schemas.dataset import PATH_TYPES
from promptlab.schemas.template import Place, Template, is_templated

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.foreach import ForeachStep
    from promptlab.engine.steps.http import HttpStep
    from promptlab.engine.steps.pipeline import PipelineStep

__all__ = ["needs_of_steps"]

INSERTED = re.compile(rf"\{{\{{\s*({PATH})\s*\}}\}}")

type Found = tuple[RowNeed, Needed]


def needs_of_steps(
    steps: Sequence[Step], document: Document, called: Mapping[str, Document]
) -> Iterator[Found]:
    """Give each need with the place that has it; `called`: the files of pipelines that steps call."""
    yield from _Body(document, called, frozenset(step.id for step in steps)).needs(steps)


@frozen
class _Body:
    """Steps that see each other. `bound`: the paths that names stand for; None: inputs by their own names."""

    document: Document
    called: Mapping[str, Document]
    ids: frozenset[str]
    bound: Mapping[str, Path] | None = None
    within: str = ""

    def needs(self, steps: Sequence[Step]) -> Iterator[Found]:
        for index, step in enumerate(steps):
            place = ("steps", index)
            if step.when is not None:
                continue
            if step.key == "foreach":
                yield from self._of_list(cast("ForeachStep", step), place)
            elif step.on_error == "fail" and step.key == "http":
                yield from self._of_address(cast("HttpStep", step), place)
            elif step.on_error == "fail" and step.key == "pipeline":
                yield from self._of_call(cast("PipelineStep", step), place)

    def _of_list(self, step: "ForeachStep", place: Place) -> Iterator[Found]:
        path = self._path(step.foreach)
        if path is not None:
            source = step.foreach.source.strip()
            yield ListNeed(self.within + step.id, path, source), self._at((*place, "foreach"))

    def _of_address(self, step: "HttpStep", place: Place) -> Iterator[Found]:
        from promptlab.engine.web import fixed_origin  # noqa: PLC0415 - there with the step

        own = self._bindings(step) if step.bindings else None
        literal, *rest = INSERTED.split(step.http.url.source)
        pieces: list[str | Path] = [literal]
        for inserted, text in zip(rest[::2], rest[1::2], strict=True):
            name, *parts = inserted.split(".")
            base = self._base(name) if own is None else own.get(name)
            if base is None:
                return
            pieces += [(*base, *parts), text]
        if len(pieces) > 1 and not any(is_templated(piece) for piece in pieces if isinstance(piece, str)):
            need = AddressNeed(self.within + step.id, tuple(pieces), fixed_origin(step.http.url.source))
            yield need, self._at((*place, "http", "url"))

    def _of_call(self, step: "PipelineStep", place: Place) -> Iterator[Found]:
        bound, path = self._bindings(step), step.pipeline.path
        for name, spec in step.pipeline.inputs_given(step.bindings).items():
            if name in bound and spec.type not in PATH_TYPES:
                need = InputNeed(self.within + step.id, bound[name], path, name, spec)
                yield need, self._at((*place, "with", name))
        document, inner = self.called.get(path), step.pipeline.spec.steps
        if document is not None:
            ids, within = frozenset(one.id for one in inner), f"{self.within}{step.id}."
            yield from _Body(document, self.called, ids, bound, within).needs(inner)

    def _bindings(self, step: Step) -> dict[str, Path]:
        """Give the names that `with` binds to values of the row as they are."""
        single = {name: value.holes[0] for name, value in step.bindings.items() if len(value.holes) == 1}
        found = {name: self._path(template) for name, (place, template) in single.items() if place == ()}
        return {name: path for name, path in found.items() if path is not None}

    def _path(self, template: Template) -> Path | None:
        plain = plain_path(template)
        base = None if plain is None else self._base(plain[0])
        return None if base is None or plain is None else (*base, *plain[1:])

    def _base(self, name: str) -> Path | None:
        if self.bound is not None:
            return self.bound.get(name)
        return None if name in self.ids else (name,)

    def _at(self, place: Place) -> Needed:
        stands = self.document.place(place)
        return Needed(stands.source.file, stands.position.line)
