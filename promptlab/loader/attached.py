"""Which files the steps of a cell attach, and whether the models that they ask take such files."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from promptlab.engine.conversation import Form
from promptlab.engine.plan import Cell
from promptlab.engine.step import Step
from promptlab.engine.steps.pipeline import PipelineStep
from promptlab.loader.scope import Objection
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.loader.templates import Analysis, FileUse, NameUse
from promptlab.schemas.template import TemplatedValue

NOUNS: Mapping[Form, str] = {"text": "text", "image": "images", "document": "PDF documents"}

type Attaching = tuple[Site, FileUse | NameUse, frozenset[Form]]


@dataclass(slots=True)
class Attached:
    """`forms`: by input, what kinds of files its paths lead to in all rows."""

    places: TemplatePlaces
    forms: Mapping[str, frozenset[Form]]
    _by_step: dict[str, list[Attaching]] = field(default_factory=dict)
    _spliced: dict[str, list[tuple[Site, NameUse, frozenset[Form], str]]] = field(default_factory=dict)

    def called_by(self, step: PipelineStep) -> "Attached":
        """Give the same for a pipeline that a step calls, whose inputs lead where they are bound to."""
        forms = {name: self.forms.get(bound_name(step, name), frozenset[Form]()) for name in step.bindings}
        return Attached(self.places, forms, self._by_step, self._spliced)

    def take(self, path: str, step: Step, site: Site, analysis: Analysis) -> None:
        """Note what a template of a step attaches; report `text(…)` of what is no text."""
        for use in analysis.files:
            found = self._found(step, use)
            if use.function == "text":
                self._require_text(site, use, found)
            else:
                self._by_step.setdefault(path, []).append((site, use, found))
        for splice in analysis.splices:
            name = bound_name(step, splice.name)
            self._spliced.setdefault(path, []).append((site, splice, self.forms.get(name, frozenset()), name))

    def check(self, cell: Cell) -> None:
        """Report what the model of a step does not take."""
        known: dict[str, frozenset[Form]] = {}
        for path, planned in cell.paths():
            uses = [*self._by_step.get(path, ()), *self._inherited(path, known)]
            known[path] = frozenset[Form]().union(*(forms for _, _, forms in uses))
            for site, use, forms in uses:
                refused = forms - planned.target.profile.takes if planned.target else frozenset[Form]()
                if planned.target is not None and refused:
                    what = " or ".join(NOUNS[form] for form in sorted(refused))
                    message = f"{planned.target.profile.name} takes no {what}"
                    hint = "choose a model that does, or read a text file with text(…)"
                    self.places.object_to(site, use, Objection(message, "no-attachments", hint))

    def _inherited(self, path: str, known: Mapping[str, frozenset[Form]]) -> Iterator[Attaching]:
        """Give what comes with a history: of an earlier step beside it or around it, or of a row."""
        for site, use, forms, name in self._spliced.get(path, ()):
            beside = f"{path.rpartition('.')[0]}.{name}"
            yield site, use, forms | known.get(beside, known.get(name, frozenset()))

    def _found(self, step: Step, use: FileUse) -> frozenset[Form]:
        if use.path is not None:
            form = self.places.form_of(use)
            return frozenset((form,)) if form is not None else frozenset()
        name = bound_name(step, use.of.name) if use.of is not None else ""
        found = self.forms.get(name, frozenset())
        return found or frozenset(("image",)) if use.function == "image" else found

    def _require_text(self, site: Site, use: FileUse, found: frozenset[Form]) -> None:
        if use.path is None and found - {"text"}:
            name = use.of.name if use.of is not None else "it"
            message = f"text({name}): not every row names a text file there"
            hint = f"say {{{{ file({name}) }}}} to attach PDF documents"
            self.places.object_to(site, use, Objection(message, "no-text", hint))


def bound_name(step: Step, name: str) -> str:
    """Give the name outside that a name inside a step stands for: `with` may bind one to another."""
    return single_name(step.bindings[name]) or "" if name in step.bindings else name


def single_name(value: TemplatedValue) -> str | None:
    """Give the name that a bound value is and no more than that."""
    if not isinstance(value.source, str) or not value.holes:
        return None
    inner = value.source.strip().removeprefix("{{").removesuffix("}}").strip()
    return inner.split(".")[0] if inner.replace(".", "").isidentifier() else None
