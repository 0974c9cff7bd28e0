"""Where a template's lines stand: in a file of its own, or inside another."""

from collections.abc import Mapping
from dataclasses import field

from promptlab.core.frozen import frozen, slotted
from promptlab.engine.conversation import Form
from promptlab.loader.attachments import record_attachment
from promptlab.loader.document import Document
from promptlab.loader.files import ProjectFiles
from promptlab.loader.memory import LoadingMemory
from promptlab.loader.problems import Position, Problems
from promptlab.loader.scope import Found, Objection
from promptlab.loader.source_text import SourceText
from promptlab.loader.sources import FileError
from promptlab.loader.templates import Analysis, FileUse, TemplateProblem
from promptlab.schemas.template import Place, Template


@frozen
class Site:
    """A template and where it stands in a document; without one, it is a whole file."""

    template: Template
    document: Document | None = None
    place: Place = ()


@slotted
class TemplatePlaces:
    """Analyses each template once and reports problems where a person would look for them.

    `line_offsets`: how many lines of front matter stand above the template of a file.
    """

    files: ProjectFiles
    problems: Problems
    line_offsets: Mapping[str, int]
    memory: LoadingMemory
    _met: dict[str, tuple[Site, Analysis]] = field(default_factory=dict)
    _forms: dict[tuple[str, str], Form] = field(default_factory=dict)

    def analysis(self, site: Site) -> Analysis:
        """Analyse the template at a site; its own problems are reported once."""
        if site.template.key not in self._met:
            found = self.memory.analysis(site.template)
            self._met[site.template.key] = site, found
            for problem in found.problems:
                self._report(site, problem)
            for use in found.files:
                self._check_file(site, use)
        return self._met[site.template.key][1]

    def try_all(self) -> None:
        """Render what can be rendered without rows; report what fails whatever the row."""
        for site, _ in self._met.values():
            problem = self.memory.failure(site.template)
            if problem is not None:
                self._report(site, problem)

    def form_of(self, use: FileUse) -> Form | None:
        """Say what a constant path leads to."""
        return self._forms.get((use.function, use.path or ""))

    def _check_file(self, site: Site, use: FileUse) -> None:
        """Hold a constant path to what the function takes; what is read is remembered as the pipeline's."""
        if use.path is None:
            return
        try:
            self._forms[use.function, use.path] = record_attachment(self.files, use.function, use.path)
        except FileError as error:
            self.object_to(site, use, Objection(str(error), error.code, error.hint))

    def object_to(self, site: Site, found: Found, objection: Objection) -> None:
        """Report what is wrong with a name, literal or call of the template at a site."""
        self._add(site, found.template, Position(found.line, found.column), objection)

    def _report(self, site: Site, problem: TemplateProblem) -> None:
        objection = Objection(problem.message, problem.code, problem.hint)
        self._add(site, problem.name, Position(problem.line, problem.column), objection)

    def _add(self, site: Site, name: str, at: Position, objection: Objection) -> None:
        """Add a problem of the template called `name`: the one at the site, or one that it includes."""
        if name != site.template.name or site.document is None:
            source, position = self._in_file(name, at)
        else:
            source, position = _in_document(site.document, site.place, at)
        self.problems.add(source, position, objection.message, code=objection.code, hint=objection.hint)

    def _in_file(self, name: str, at: Position) -> tuple[SourceText | str, Position]:
        position = Position(at.line + self.line_offsets.get(name, 0), at.column)
        try:
            text = self.files.read_text(name, Problems())
        except FileError:
            return name, position
        return name if text is None else SourceText(name, text.replace("\r\n", "\n")), position


def _in_document(document: Document, place: Place, at: Position) -> tuple[SourceText, Position]:
    written, stands = document.scalar_source(place), document.place(place)
    return stands.source, stands.position if written is None else written.position(at.line, at.column)
