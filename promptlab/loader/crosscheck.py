"""Holds all templates of a cell to the names that there are; finds out which step depends on which."""

from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import TYPE_CHECKING, cast

from promptlab.core.frozen import slotted
from promptlab.engine.conversation import Form
from promptlab.engine.step import Step, holes
from promptlab.loader.attached import Attached
from promptlab.loader.bindings import own_scope
from promptlab.loader.calls import call_objections
from promptlab.loader.check_places import CheckPlaces
from promptlab.loader.dataset import check_input_name
from promptlab.loader.default_files import forms_given
from promptlab.loader.document import Document
from promptlab.loader.kind_checks import kind_objections, kinds_of_items
from promptlab.loader.links import MOST_STEPS, Links
from promptlab.loader.problems import Problems
from promptlab.loader.scope import Scope, optional_among
from promptlab.loader.template_checks import JUDGED, Owner, TemplateChecks
from promptlab.loader.template_places import TemplatePlaces
from promptlab.schemas.dataset import InputSpec
from promptlab.schemas.pipeline import PipelineSpec
from promptlab.schemas.template import Place

if TYPE_CHECKING:  # kinds of steps are imported where a pipeline has them
    from promptlab.engine.steps.foreach import ForeachStep
    from promptlab.engine.steps.messages import MessagesStep
    from promptlab.engine.steps.pipeline import PipelineStep

UNTIL = frozenset({"output"})

type Taken = dict[str, str]


@slotted
class Crosscheck:
    """`inputs` and `columns` None: they could not be found out, so that nothing is said of them.

    `forms`: by input, what kinds of files its paths lead to. `documents`: the files of the pipelines that its
    steps call. Of such a one, `within` is what stands before the ids of its steps in paths, `caller` the
    file that calls it; it `is_certain` where no `when` decides whether it is called.
    """

    document: Document
    spec: PipelineSpec
    inputs: Mapping[str, InputSpec] | None
    columns: Sequence[str] | None
    places: TemplatePlaces
    problems: Problems
    attached: Attached
    forms: Mapping[str, frozenset[Form]] = field(default_factory=dict)
    documents: Mapping[str, Document] = field(default_factory=dict)
    links: Links = field(default_factory=Links)
    within: str = ""
    caller: str | None = None
    is_certain: bool = True
    templates: TemplateChecks = field(init=False)
    checks: CheckPlaces = field(init=False)

    def __post_init__(self) -> None:
        has_rows = self.spec.dataset is not None
        self.templates = TemplateChecks(
            self.document, self.places, self.problems, self.links, self.caller, has_rows
        )
        self.checks = CheckPlaces(self.templates)

    def run(self) -> Links:
        """Report what is wrong; give what is found out about the steps."""
        taken: dict[str, str] = {}
        self.links.sites[self.within] = self.document, ()
        for name in self.spec.inputs or {}:
            self._check_name(("inputs", name), name, "input", taken, key=True)
            taken[name] = "an input"
        scope = self._scope()
        self._check_steps(("steps",), self.spec.steps, scope, self.within, taken)
        self._check_pipeline(scope)
        return self.links

    def _scope(self) -> Scope:
        steps: dict[str, Step] = {step.id: step for step in self.spec.steps}
        columns = tuple(self.columns or ())
        optional = optional_among(steps.values())
        return Scope(
            self.inputs,
            steps,
            hidden_columns=columns,
            optional=optional,
            forms=self.forms,
            is_certain=self.is_certain,
        )

    def _judging(self, scope: Scope) -> Scope:
        """Give what checks see: also the other columns, the row, what is judged, and traces."""
        columns = None if self.columns is None else tuple(self.columns)
        return replace(
            scope, columns=columns, others=scope.others | JUDGED, hidden_columns=(), sees_traces=True
        )

    def _check_name(self, place: Place, name: str, noun: str, taken: Taken, *, key: bool = False) -> None:
        reason = check_input_name(name)
        if reason is not None:
            self._report(place, f"the {noun} '{name}' {reason}", "name", "choose another name", key=key)
        elif name in taken:
            self._report(
                place, f"'{name}' is the name of {taken[name]} already", "name", "choose another name"
            )

    def _check_steps(
        self, place: Place, steps: Sequence[Step], scope: Scope, within: str, outside: Taken
    ) -> None:
        """Check steps that see each other; `outside`: the names that stand around them."""
        taken = dict(outside)
        for index, step in enumerate(steps):
            self._check_name((*place, index, "id"), step.id, "step", taken)
            taken[step.id] = "a step"
            self.links.add(within + step.id, self.document, (*place, index))
        for index, step in enumerate(steps):
            self._check_step((*place, index), Owner(step, within + step.id), scope, taken)

    def _check_step(self, place: Place, owner: Owner, scope: Scope, taken: Taken) -> None:
        step, needs = owner.step, self.links.needs[owner.path]
        for index, name in enumerate(step.needs):
            self._check_needed((*place, "needs", index), name, scope, owner)
        inner = scope.where(self._check_when(place, owner, scope)).within(step.id)
        if step.when is not None:
            inner = replace(inner, is_certain=False)
        for name, value in step.bindings.items():
            self.templates.parts(place, holes(value, ("with", name)), inner, owner)
        own = own_scope(step, inner)
        self._check_own(place, owner, own)
        self._check_roles(place, step)
        by_checks = self._check_inside(place, owner, inner, own, taken)
        before = frozenset(needs)
        judging = replace(self._judging(inner), own=scope.own).where(frozenset({step.id}))
        self.checks.run((*place, "checks"), step.checks, judging, owner)
        needs |= by_checks
        self.links.for_checks[owner.path] = frozenset(needs - before)

    def _check_own(self, place: Place, owner: Owner, scope: Scope) -> None:
        """Check the templates that a step itself renders, with what they attach."""
        for part in owner.step.own_parts():
            if part.scope == "step":
                where = (*place, *part.place)
                analysis = self.templates.template(where, part.template, scope, owner)
                self.attached.take(
                    owner.path, self.templates.site(where, part.template), analysis, scope.forms
                )

    def _check_roles(self, place: Place, step: Step) -> None:
        messages = cast("MessagesStep", step).messages if step.key == "messages" else ()
        for index, message in enumerate(messages):
            where = (*place, "messages", index, "content")
            files = self.places.analysis(self.templates.site(where, message.content)).files
            if message.role != "user" and any(use.function != "text" for use in files):
                text = f"a message of the {message.role} attaches a file, and only the user's may"
                self._report(where, text, "attachment-role", "move it into a user message")

    def _check_inside(self, place: Place, owner: Owner, around: Scope, own: Scope, taken: Taken) -> set[str]:
        """Check what kinds of step have beside the rest; give the steps that only checks inside name."""
        for below, objection in kind_objections(owner.step, around):
            self._report((*place, *below), objection.message, objection.code, objection.hint)
        if owner.step.key == "foreach":
            return self._check_items(place, owner, around, own, taken)
        if owner.step.key == "pipeline":
            self._check_called(place, cast("PipelineStep", owner.step), around, owner.path)
        return set()

    def _check_items(self, place: Place, owner: Owner, around: Scope, own: Scope, taken: Taken) -> set[str]:
        step, path = cast("ForeachStep", owner.step), owner.path
        items = kinds_of_items(step, around)
        self._check_item_name((*place, "as"), step, own, taken)
        scope = own.for_items(path, items, step.steps)
        outside = dict.fromkeys(own.inputs or (), "an input") if step.bindings else taken
        self._check_steps(
            (*place, "steps"), step.steps, scope, f"{path}.", outside | dict.fromkeys(items, "an item")
        )
        scopes = {"around": around, "inner": scope, "until": replace(scope, others=scope.others | UNTIL)}
        for part in step.own_parts():
            self.templates.parts(place, [part], scopes[part.scope], owner)
        if step.until is not None:
            self.links.in_order.add(path)
        needed, by_checks = self.links.around(path, step.steps)
        self.links.needs[path] |= needed
        self.links.needs[path] -= {inner.id for inner in step.steps}
        return by_checks - self.links.needs[path]

    def _check_item_name(self, place: Place, step: "ForeachStep", own: Scope, taken: Taken) -> None:
        name, index = step.names_of_items
        if "item" in step.model_fields_set and name != "item":
            self._check_name(place, name, "item", taken)
        if index in taken and index not in own.others:
            self._report(place, f"'{index}' is the name of {taken[index]} already", "name", "say `as: NAME`")

    def _check_called(self, place: Place, step: "PipelineStep", around: Scope, path: str) -> None:
        for below, objection, key in call_objections(step, around):
            self._report((*place, *below), objection.message, objection.code, objection.hint, key=key)
        document = self.documents.get(step.pipeline.path)
        if self.links.is_full:
            message = f"with the pipelines that it calls, it has more than {MOST_STEPS:,} steps"
            self._report((*place, "pipeline"), message, "too-many-steps", "call fewer")
        elif document is not None:
            inputs = step.pipeline.inputs_given(step.bindings)
            called = replace(
                self,
                document=document,
                spec=step.pipeline.spec,
                inputs=inputs,
                forms=forms_given(
                    self.places.files, self.document, document, place, step, around.forms, self.problems
                ),
                within=f"{path}.",
                caller=self.document.file,
                is_certain=around.is_certain,
            )
            called.run()

    def _check_needed(self, place: Place, name: str, scope: Scope, owner: Owner) -> None:
        if name in scope.steps:
            self.links.needs[owner.path].add(name)
        else:
            self.templates.report_unknown_step(place, name, scope)

    def _check_when(self, place: Place, owner: Owner, scope: Scope) -> frozenset[str]:
        """Check a step's `when`; give the steps whose having an output it tests."""
        when = owner.step.when
        if when is None:
            return frozenset()
        analysis = self.templates.template((*place, "when"), when, scope.within(owner.step.id), owner)
        ensured = {origin.name for origin in analysis.ensured if origin.path[:1] == ("output",)}
        by_status = {use.name for use in analysis.uses if use.path[:1] == ("status",)}
        return frozenset(ensured | by_status)

    def _check_pipeline(self, scope: Scope) -> None:
        for name, value in (self.spec.outputs or {}).items():
            self.templates.parts((), holes(value, ("outputs", name)), scope, None)
        judging = self._judging(scope)
        self.checks.run(("checks",), self.spec.checks, judging, None)
        if self.caller is None and self.spec.metrics:
            from promptlab.loader.metric_places import check_metrics  # noqa: PLC0415 - few pipelines have some

            check_metrics(self.spec, self.checks, judging)

    def _report(self, place: Place, message: str, code: str, hint: str | None, *, key: bool = False) -> None:
        self.templates.report(place, message, code, hint, key=key)
