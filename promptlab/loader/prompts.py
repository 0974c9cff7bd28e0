"""Prompt files: front matter, template, and the templates that it includes."""

from dataclasses import field

from pydantic import ValidationError

from promptlab.core.frozen import slotted
from promptlab.engine.prompt import FrontMatter, PromptFile
from promptlab.loader.document import Document
from promptlab.loader.files import ProjectFiles
from promptlab.loader.front_matter import split_front_matter
from promptlab.loader.problems import Problems
from promptlab.loader.sources import FileError
from promptlab.loader.templates import included_names
from promptlab.schemas.fields import Resolver
from promptlab.schemas.template import Template

FOLDER = "prompts/"
SUFFIXES = (".j2", ".md", ".txt")


@slotted
class PromptReader:
    """Reads each prompt once. `line_offsets`: how many lines of front matter stand above a template."""

    files: ProjectFiles
    problems: Problems
    resolver: Resolver
    line_offsets: dict[str, int] = field(default_factory=dict)
    _prompts: dict[str, PromptFile] = field(default_factory=dict)

    def read(self, path: str) -> PromptFile:
        """Give a prompt file; raises FileError."""
        if path not in self._prompts:
            self._prompts[path] = self._read(path)
        return self._prompts[path]

    def _read(self, path: str) -> PromptFile:
        body, front = self._split(path)
        template = Template("prompt", body, path, self._library(body))
        return PromptFile(path, template, front)

    def _split(self, path: str) -> tuple[str, FrontMatter]:
        text = self.files.read_text(path, self.problems)
        parted = split_front_matter(path, text or "", self.problems)
        self.line_offsets[path] = parted.line_offset
        return parted.body, self._front(parted.document)

    def _front(self, document: Document | None) -> FrontMatter:
        if document is None:
            return FrontMatter()
        try:
            return FrontMatter.model_validate(document.value, context={"resolver": self.resolver})
        except ValidationError as error:
            from promptlab.loader import diagnosis  # noqa: PLC0415 - most prompts are right

            diagnosis.report(error, document, self.problems, FrontMatter)
            return FrontMatter()

    def _library(self, source: str) -> dict[str, str]:
        """Collect the sources of all that a template includes, directly or not; missing ones stay out."""
        library: dict[str, str] = {}
        waiting = list(included_names(source))
        while waiting:
            name = waiting.pop()
            if name in library or not _may_be_included(name):
                continue
            text = self._included(FOLDER + name)
            if text is not None:
                library[name] = text
                waiting.extend(included_names(text))
        return library

    def _included(self, path: str) -> str | None:
        try:
            text = self.files.read_text(path, self.problems)
        except FileError:
            return None
        parted = split_front_matter(path, text or "", self.problems)
        self.line_offsets[path] = parted.line_offset
        return parted.body


def _may_be_included(name: str) -> bool:
    parts = name.split("/")
    return name.endswith(SUFFIXES) and not any(part.startswith(".") or part == "" for part in parts)
