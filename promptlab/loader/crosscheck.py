"""Holds all templates of a cell to the names that there are; finds out which step depends on which."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from promptlab.core.suggest import did_you_mean
from promptlab.engine.check import Check
from promptlab.engine.ruling import named
from promptlab.engine.step import Step, holes
from promptlab.engine.steps.python import PythonStep
from promptlab.loader.constants import constant_objection
from promptlab.loader.dataset import check_input_name
from promptlab.loader.document import Document
from promptlab.loader.functions import check_call
from promptlab.loader.problems import Problems
from promptlab.loader.scope import Scope
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.loader.templates import Analysis
from promptlab.schemas.dataset import InputSpec
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.template import Place, Template

JUDGED = frozenset({"row", "output"})


@dataclass(slots=True)
class Crosscheck:
    """`inputs` and `columns` None: they could not be found out, so that nothing is said of them.

    Once it ran, `for_checks` has for each step the other steps that only its checks name, and `columns_named`
    what checks name that is neither input nor step.
    """

    document: Document
    spec: PipelineSpec
    inputs: Mapping[str, InputSpec] | None
    columns: Sequence[str] | None
    places: TemplatePlaces
    problems: Problems
    for_checks: dict[str, frozenset[str]] = field(default_factory=dict)
    columns_named: set[str] = field(default_factory=set)
    _needs: dict[str, set[str]] = field(default_factory=dict)

    def run(self) -> dict[str, frozenset[str]]:
        """Report what is wrong; give for each step the steps that it names or needs."""
        self._check_names()
        steps: dict[str, Step] = {step.id: step for step in self.spec.steps}
        scope = self._scope(steps)
        for index, step in enumerate(self.spec.steps):
            self._needs[step.id] = set()
            self._check_step(("steps", index), step, scope)
        self._check_pipeline(scope)
        return {name: frozenset(needs & steps.keys()) for name, needs in self._needs.items()}

    def _scope(self, steps: Mapping[str, Step]) -> Scope:
        columns = tuple(self.columns or ())
        optional = (name for name, step in steps.items() if step.when or step.on_error == "skip")
        return Scope(self.inputs, steps, hidden_columns=columns, optional=frozenset(optional))

    def _judging(self, scope: Scope) -> Scope:
        """Give what checks see: also the other columns, the row, and what is judged."""
        columns = None if self.columns is None else tuple(self.columns)
        return Scope(scope.inputs, scope.steps, columns, JUDGED, (), scope.optional, scope.tested)

    def _check_names(self) -> None:
        taken: dict[str, str] = {}
        for name in self.spec.inputs or {}:
            self._check_name(("inputs", name), name, "input", taken, key=True)
        for index, step in enumerate(self.spec.steps):
            self._check_name(("steps", index, "id"), step.id, "step", taken)

    def _check_name(
        self, place: Place, name: str, noun: str, taken: dict[str, str], *, key: bool = False
    ) -> None:
        reason = check_input_name(name)
        if reason is not None:
            self._report(place, f"the {noun} '{name}' {reason}", "name", "choose another name", key=key)
        elif name in taken:
            message = f"'{name}' is the name of {taken[name]} already"
            self._report(place, message, "name", "choose another name")
        taken[name] = f"an {noun}" if noun == "input" else f"a {noun}"

    def _check_step(self, place: Place, step: Step, scope: Scope) -> None:
        for index, name in enumerate(step.needs):
            self._check_needed((*place, "needs", index), step, name, scope)
        tested = self._check_when(place, step, scope)
        inner = replace(scope.where(tested), own=step.id)
        for name, value in step.bindings.items():
            for part in holes(value, ("with", name)):
                self._check_template((*place, *part.place), part.template, inner, step.id)
        own = _only(step.bindings) if step.bindings else inner
        for part in step.own_parts():
            self._check_template((*place, *part.place), part.template, own, step.id)
        self._check_function(place, step)
        judging = replace(self._judging(inner), own=None).where(frozenset({step.id}))
        before = frozenset(self._needs[step.id])
        self._check_checks((*place, "checks"), step.checks, judging, step)
        self.for_checks[step.id] = frozenset(self._needs[step.id] - before)

    def _check_needed(self, place: Place, step: Step, name: str, scope: Scope) -> None:
        if name not in scope.steps:
            self._report_unknown_step(place, name, scope)
        self._needs[step.id].add(name)

    def _check_when(self, place: Place, step: Step, scope: Scope) -> frozenset[str]:
        """Check a step's `when`; give the steps whose having an output it tests."""
        if step.when is None:
            return frozenset()
        analysis = self._check_template((*place, "when"), step.when, replace(scope, own=step.id), step.id)
        ensured = {origin.name for origin in analysis.ensured if origin.path[:1] == ("output",)}
        by_status = {use.name for use in analysis.uses if use.path[:1] == ("status",)}
        return frozenset(ensured | by_status)

    def _check_function(self, place: Place, step: Step) -> None:
        if isinstance(step, PythonStep):
            for message in check_call(step.python, step.bindings):
                self._report((*place, "python"), message, "arguments", "give it what it takes under `with`")

    def _check_pipeline(self, scope: Scope) -> None:
        for name, value in (self.spec.outputs or {}).items():
            for part in holes(value, ("outputs", name)):
                self._check_template(part.place, part.template, scope, None)
        self._check_checks(("checks",), self.spec.checks, self._judging(scope), None)

    def _check_checks(self, place: Place, checks: Sequence[Check], scope: Scope, step: Step | None) -> None:
        try:
            named(checks)
        except ValueError as error:
            self._report(place, str(error), "name", "give each its own `name`")
        for index, check in enumerate(checks):
            for inner, template in check.templates():
                where = self._written((*place, index), inner)
                analysis = self._check_template(where, template, scope, step.id if step else None)
                self.columns_named.update(_columns_named(analysis, scope))
            for inner, name in check.places_named():
                self._check_of(self._written((*place, index), inner), name, scope, step)
            objection = constant_objection(check, step, scope)
            if objection is not None:
                where = self._written((*place, index), ("value",))
                self._report(where, objection.message, objection.code, objection.hint)

    def _check_of(self, place: Place, name: str, scope: Scope, step: Step | None) -> None:
        if name == "outputs":
            if step is not None:
                message = "a step's check cannot judge the outputs, which are not there yet"
                self._report(place, message, "of-outputs", "move it to the pipeline's `checks`")
        elif name not in scope.steps:
            self._report_unknown_step(place, name, scope)
        elif step is not None and name != step.id:
            self._needs[step.id].add(name)

    def _written(self, check: Place, inner: Place) -> Place:
        """Turn a place in a check's long form into where the file says it."""
        if self.document.part((*check, *inner[:1])) is not None:
            return (*check, *inner)
        part = self.document.part(check)
        short = next(iter(part.value), None) if part is not None and isinstance(part.value, dict) else None
        return (*check, *((short, *inner[1:]) if short is not None else ()))

    def _check_template(self, place: Place, template: Template, scope: Scope, step: str | None) -> Analysis:
        site = Site(template, None if template.kind == "prompt" else self.document, place)
        analysis = self.places.analysis(site)
        for found, objection in scope.objections(analysis):
            self.places.object_to(site, found, objection)
        if step is not None:
            self._needs[step].update(_named_steps(analysis, scope, step))
        return analysis

    def _report_unknown_step(self, place: Place, name: str, scope: Scope) -> None:
        hint = did_you_mean(name, scope.steps)
        self._report(place, f"there is no step '{name}'", "unknown-step", hint)

    def _report(self, place: Place, message: str, code: str, hint: str | None, *, key: bool = False) -> None:
        self.document.report(self.problems, place, message, code=code, hint=hint, key=key)


def _named_steps(analysis: Analysis, scope: Scope, own: str) -> Iterator[str]:
    """Give the other steps that a template names, as far as its scope has steps."""
    for use in analysis.uses:
        if use.name in scope.steps and use.name != own:
            yield use.name


def _columns_named(analysis: Analysis, scope: Scope) -> Iterator[str]:
    """Give the columns that a check's template names, by themselves or as `row["…"]`."""
    for use in analysis.uses:
        if use.name == "row" and use.path:
            yield str(use.path[0])
        elif use.name not in scope.others and use.name not in scope.steps:
            yield use.name


def _only(names: Iterable[str]) -> Scope:
    """Give what a step with `with` sees: nothing but that."""
    return Scope({name: InputSpec() for name in names})
