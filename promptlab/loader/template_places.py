"""Where a template's lines stand: in a file of its own, or inside a pipeline's file."""

from dataclasses import dataclass, field

from promptlab.loader.document import Document
from promptlab.loader.files import ProjectFiles
from promptlab.loader.problems import Position, Problems
from promptlab.loader.scope import Objection
from promptlab.loader.source_text import SourceText
from promptlab.loader.sources import FileError
from promptlab.loader.templates import (
    Analysis,
    LiteralComparison,
    NameUse,
    TemplateProblem,
    analyse,
    trials,
)
from promptlab.schemas.template import Place, Template


@dataclass(slots=True)
class TemplatePlaces:
    """Analyses each template once and reports problems where a person would look for them.

    `line_offsets`: how many lines of front matter stand above the template of a file.
    """

    files: ProjectFiles
    problems: Problems
    line_offsets: dict[str, int]
    _analyses: dict[str, Analysis] = field(default_factory=dict)
    _met: dict[str, tuple[Document, Place, Template]] = field(default_factory=dict)

    def analysis(self, document: Document, place: Place, template: Template) -> Analysis:
        """Analyse a template that stands at a place; its own problems are reported once."""
        known = self._analyses.get(template.key)
        if known is None:
            known = self._analyses[template.key] = analyse(template)
            self._met[template.key] = (document, place, template)
            for problem in known.problems:
                self._report(document, place, template, problem)
        return known

    def try_all(self) -> None:
        """Render what can be rendered without rows; report what fails whatever the row."""
        cases = [(template, self._analyses[key], None) for key, (_, _, template) in self._met.items()]
        sound = [case for case in cases if not case[1].problems]
        for (template, _, _), problem in zip(sound, trials(sound), strict=True):
            if problem is not None:
                self._report(*self._met[template.key], problem)

    def _report(self, document: Document, place: Place, template: Template, problem: TemplateProblem) -> None:
        objection = Objection(problem.message, problem.code, problem.hint)
        self._add(document, place, template, problem.name, problem.line, problem.column, objection)

    def object_to(
        self,
        document: Document,
        place: Place,
        template: Template,
        found: NameUse | LiteralComparison,
        objection: Objection,
    ) -> None:
        self._add(document, place, template, found.template, found.line, found.column, objection)

    def _add(
        self,
        document: Document,
        place: Place,
        template: Template,
        name: str,
        line: int,
        column: int,
        objection: Objection,
    ) -> None:
        if name != template.name or template.kind == "prompt":
            self._add_in_file(name, line, column, objection)
            return
        written = document.scalar_source(place)
        at = document.place(place)
        position = at.position if written is None else written.position(line, column)
        self.problems.add(at.source, position, objection.message, code=objection.code, hint=objection.hint)

    def _add_in_file(self, name: str, line: int, column: int, objection: Objection) -> None:
        position = Position(line + self.line_offsets.get(name, 0), column)
        source = self._source(name)
        self.problems.add(source, position, objection.message, code=objection.code, hint=objection.hint)

    def _source(self, name: str) -> SourceText | str:
        try:
            text = self.files.read_text(name, Problems())
        except FileError:
            return name
        return name if text is None else SourceText(name, text.replace("\r\n", "\n"))
