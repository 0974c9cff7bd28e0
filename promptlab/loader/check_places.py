"""Holds checks to the names that there are, and notes which columns of a row they need."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from promptlab.core.frozen import frozen
from promptlab.core.suggest import did_you_mean
from promptlab.engine.check import Check
from promptlab.engine.ruling import named
from promptlab.loader.constants import constant_objection
from promptlab.loader.lacking import Needed, columns_needed
from promptlab.loader.scope import Scope
from promptlab.loader.template_checks import Owner, TemplateChecks
from promptlab.loader.templates import Analysis
from promptlab.schemas.template import Place, Template

if TYPE_CHECKING:  # kinds of checks are imported where a pipeline has them
    from promptlab.engine.checks.python import PythonCheck


@frozen
class CheckPlaces:
    """The checks of one pipeline, those of its steps and its own."""

    templates: TemplateChecks

    def run(self, place: Place, checks: Sequence[Check], scope: Scope, owner: Owner | None) -> None:
        """Report what is wrong with the checks of a step, or of the pipeline where there is no owner."""
        try:
            named(checks)
        except ValueError as error:
            self.templates.report(place, str(error), "name", "give each its own `name`")
        for index, check in enumerate(checks):
            self.columns((*place, index), check.templates(), scope, owner, check.names_beside)
            self._check_function((*place, index), check, scope)
            for inner, name in check.places_named():
                self._check_of(self._written((*place, index), inner), name, scope, owner)
            objection = constant_objection(check, owner.step if owner else None, scope)
            if objection is not None:
                where = self._written((*place, index), ("value",))
                self.templates.report(where, objection.message, objection.code, objection.hint)

    def columns(
        self,
        place: Place,
        written: Iterable[tuple[Place, Template]],
        scope: Scope,
        owner: Owner | None,
        names_beside: Callable[[Place], frozenset[str]] = lambda _: frozenset(),
    ) -> None:
        """Check the templates of a check or metric; note which columns they name, and which they need."""

        def beside(inner: Place) -> Scope:
            own = names_beside(inner)
            return replace(scope, others=scope.others | own) if own else scope

        templates = [
            (inner, self.templates.template(self._written(place, inner), template, beside(inner), owner))
            for inner, template in written
        ]
        named = {name for _, analysis in templates for name in _columns_named(analysis, scope)}
        self.templates.links.columns_named |= named
        if scope.is_certain:
            for inner, name in columns_needed(templates, named - (scope.inputs or {}).keys()):
                stands = self.templates.document.place(self._written(place, inner))
                needed = Needed(stands.source.file, stands.position.line)
                self.templates.links.columns_needed.setdefault(name, needed)

    def _check_function(self, place: Place, check: Check, scope: Scope) -> None:
        """Report what a function wants that no row could give it; where rows are not known, nothing."""
        if check.type != "python" or not scope.columns or scope.inputs is None:
            return
        from promptlab.engine.checks.python import wanted_by  # noqa: PLC0415 - there with it

        function = cast("PythonCheck", check).value
        known = {*scope.inputs, *scope.columns}
        for name in wanted_by(function, known):
            message = f"{function.reference} wants '{name}', which is neither an input nor a column"
            hint = did_you_mean(name, known) or None
            self.templates.report(self._written(place, ("value",)), message, "arguments", hint)

    def _check_of(self, place: Place, name: str, scope: Scope, owner: Owner | None) -> None:
        if name == "outputs":
            if owner is not None:
                message = "a step's check cannot judge the outputs, which are not there yet"
                self.templates.report(place, message, "of-outputs", "move it to the pipeline's `checks`")
        elif name not in scope.steps or name in scope.own:
            self.templates.report_unknown_step(place, name, scope)
        elif owner is not None and name != owner.step.id:
            self.templates.links.needs[owner.path].add(name)

    def _written(self, check: Place, inner: Place) -> Place:
        """Turn a place in a check's long form into where the file says it."""
        if self.templates.document.part((*check, *inner[:1])) is not None:
            return (*check, *inner)
        part = self.templates.document.part(check)
        short = next(iter(part.value), None) if part is not None and isinstance(part.value, dict) else None
        return (*check, *((short, *inner[1:]) if short is not None else ()))


def _columns_named(analysis: Analysis, scope: Scope) -> Iterator[str]:
    """Give the columns that a check's template names, by themselves or as `row["…"]`."""
    for use in analysis.uses:
        if use.name == "row" and use.path:
            yield str(use.path[0])
        elif use.name not in scope.others and use.name not in scope.steps:
            yield use.name
