"""Holds one template after the other to the names that it may use, and notes which steps it needs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from promptlab.core.frozen import frozen, slotted
from promptlab.core.suggest import did_you_mean
from promptlab.engine.scope import PREVIOUS
from promptlab.engine.step import Part, Step
from promptlab.loader.document import Document
from promptlab.loader.links import Links
from promptlab.loader.problems import Problems
from promptlab.loader.scope import NO_COLUMN, Objection, Scope
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.loader.templates import Analysis
from promptlab.schemas.template import Place, Template

JUDGED = frozenset({"row", "output"})  # what checks alone see


@frozen
class Owner:
    """A step that a template or check belongs to, and its path."""

    step: Step
    path: str


@slotted
class TemplateChecks:
    """The templates of one pipeline. `caller`: the file that calls it, if any; `has_rows`: it has its own."""

    document: Document
    places: TemplatePlaces
    problems: Problems
    links: Links
    caller: str | None
    has_rows: bool

    def parts(self, place: Place, parts: Iterable[Part], scope: Scope, owner: Owner | None) -> None:
        for part in parts:
            self.template((*place, *part.place), part.template, scope, owner)

    def template(self, place: Place, template: Template, scope: Scope, owner: Owner | None) -> Analysis:
        """Report what a template must not name; `owner`: the step that then needs the steps it names."""
        site = self.site(place, template)
        analysis = self.places.analysis(site)
        for found, objection in scope.objections(analysis):
            self.places.object_to(site, found, self._of_caller(objection, scope))
        if owner is not None:
            self.links.needs[owner.path].update(_named_steps(analysis, scope, owner.step.id))
        if scope.loop is not None and any(use.name == PREVIOUS for use in analysis.uses):
            self.links.in_order.add(scope.loop)
        return analysis

    def site(self, place: Place, template: Template) -> Site:
        return Site(template, None if template.kind == "prompt" else self.document, place)

    def _of_caller(self, objection: Objection, scope: Scope) -> Objection:
        """Say of a name that a check does not find whose rows were looked at."""
        if not scope.others >= JUDGED or objection.code != "undefined":
            return objection
        if self.caller is None:
            return objection if self.has_rows else replace(objection, code=NO_COLUMN)
        return replace(objection, message=f"{objection.message}, where {self.caller} calls this pipeline")

    def report_unknown_step(self, place: Place, name: str, scope: Scope) -> None:
        hint = did_you_mean(name, scope.steps)
        self.report(place, f"there is no step '{name}'", "unknown-step", hint)

    def report(self, place: Place, message: str, code: str, hint: str | None, *, key: bool = False) -> None:
        self.document.report(self.problems, place, message, code=code, hint=hint, key=key)


def _named_steps(analysis: Analysis, scope: Scope, own: str) -> Iterator[str]:
    """Give the other steps that a template names, as far as its scope has steps."""
    for use in analysis.uses:
        if use.name in scope.steps and use.name != own and use.name not in scope.own:
            yield use.name
