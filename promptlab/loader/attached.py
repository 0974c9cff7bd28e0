"""Which files the steps of a cell attach, and whether the models that they ask take such files."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from promptlab.core.frozen import slotted
from promptlab.engine.conversation import Form
from promptlab.engine.plan import Cell, PlannedStep
from promptlab.engine.target import Target
from promptlab.loader.bindings import bound_name
from promptlab.loader.scope import Objection
from promptlab.loader.template_places import Site, TemplatePlaces
from promptlab.loader.templates import Analysis, FileUse, NameUse

NOUNS: Mapping[Form, str] = {"text": "text", "image": "images", "document": "PDF documents"}

type Forms = Mapping[str, frozenset[Form]]
type Attaching = tuple[Site, FileUse | NameUse, frozenset[Form]]


@slotted
class Attached:
    """What the steps of a cell attach, by the paths of the steps."""

    places: TemplatePlaces
    _by_step: dict[str, list[Attaching]] = field(default_factory=dict)
    _spliced: dict[str, list[tuple[Site, NameUse, Forms]]] = field(default_factory=dict)

    def take(self, path: str, site: Site, analysis: Analysis, forms: Forms) -> None:
        """Note what a template of a step attaches; report `text(…)` of what is no text.

        `forms`: by the names that the template sees, what kinds of files their paths lead to in all rows.
        """
        for use in analysis.files:
            found = self._found(use, forms)
            if use.function == "text":
                self._require_text(site, use, found)
            else:
                self._by_step.setdefault(path, []).append((site, use, found))
        for splice in analysis.splices:
            self._spliced.setdefault(path, []).append((site, splice, forms))

    def check(self, cell: Cell) -> None:
        """Report what the model of a step does not take."""
        self._check(cell.steps, "", {})

    def _check(self, steps: Iterable[PlannedStep], within: str, around: Forms) -> None:
        known = dict(around)
        for planned in steps:
            path = f"{within}{planned.step.id}"
            uses = [*self._by_step.get(path, ()), *self._inherited(planned, path, known)]
            known[planned.step.id] = frozenset[Form]().union(*(forms for _, _, forms in uses))
            self._hold(planned, uses)
            self._check(planned.inner, f"{path}.", known)

    def _hold(self, planned: PlannedStep, uses: Sequence[Attaching]) -> None:
        """Hold what a step attaches to what its models take."""
        for target in planned.target.line if planned.target is not None else ():
            for site, use, forms in uses:
                self._check_taken(target, site, use, forms)

    def _check_taken(
        self, target: Target, site: Site, use: FileUse | NameUse, forms: frozenset[Form]
    ) -> None:
        refused = forms - target.profile.takes
        if refused:
            what = " or ".join(NOUNS[form] for form in sorted(refused))
            hint = "choose a model that does, or read a text file with text(…)"
            objection = Objection(f"{target.profile.name} takes no {what}", "no-attachments", hint)
            self.places.object_to(site, use, objection)

    def _inherited(self, planned: PlannedStep, path: str, known: Forms) -> Iterator[Attaching]:
        """Give what comes with a history: of an earlier step, or of a row."""
        for site, use, forms in self._spliced.get(path, ()):
            name = bound_name(planned.step, use.name)
            yield site, use, known.get(name, frozenset()) | forms.get(use.name, frozenset())

    def _found(self, use: FileUse, forms: Forms) -> frozenset[Form]:
        if use.path is not None:
            form = self.places.form_of(use)
            return frozenset((form,)) if form is not None else frozenset()
        found = forms.get(use.of.name, frozenset[Form]()) if use.of is not None else frozenset[Form]()
        return found or frozenset(("image",)) if use.function == "image" else found

    def _require_text(self, site: Site, use: FileUse, found: frozenset[Form]) -> None:
        if use.path is None and found - {"text"}:
            name = use.of.name if use.of is not None else "it"
            message = f"text({name}): not every row names a text file there"
            hint = f"say {{{{ file({name}) }}}} to attach PDF documents"
            self.places.object_to(site, use, Objection(message, "no-text", hint))
