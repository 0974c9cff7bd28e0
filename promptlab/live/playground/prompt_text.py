"""The file of a prompt as a page can edit it."""

from dataclasses import field

from promptlab.core.errors import UsageError
from promptlab.core.frozen import frozen
from promptlab.loader.files import ProjectFiles, project_path
from promptlab.loader.problems import InvalidPipeline, Problems
from promptlab.loader.prompts import FOLDER
from promptlab.loader.source_text import LONGEST_LINE, SourceText

LARGEST = 1_000_000  # characters of a template
ELSEWHERE = "edit it in your editor"


@frozen
class PromptText:
    """A file as it was read; its lines end by LF. `is_linked`: its path leads through a link."""

    path: str
    sha256: str
    text: str = field(repr=False)
    is_linked: bool = False

    @property
    def objection(self) -> str | None:
        """Why a page cannot show it whole, if so."""
        if len(self.text) > LARGEST:
            return f"{self.path} has more than {LARGEST:,} characters: {ELSEWHERE}"
        shown = SourceText(self.path, self.text).without_secrets()
        pairs = enumerate(zip(self.text.split("\n"), shown.split("\n"), strict=True), 1)
        differing = next(((number, line) for number, (line, masked) in pairs if line != masked), None)
        if differing is None:
            return None
        number, line = differing
        why = "is very long" if len(line) > LONGEST_LINE else "has what looks like a secret"
        return f"{self.path}:{number} {why}: {ELSEWHERE}"

    @property
    def save_objection(self) -> str | None:
        """Why nothing is written to it from a page, if so."""
        if not self.path.startswith(FOLDER):
            return f"{self.path} does not lie in {FOLDER}: {ELSEWHERE}"
        return f"{self.path} lies behind a link: {ELSEWHERE}" if self.is_linked else self.objection


def read_prompt(files: ProjectFiles, name: str) -> PromptText:
    """Read a prompt; raises FileError, and InvalidPipeline where it is no text."""
    problems, own = Problems(), ProjectFiles(files.source)
    snapshot, text = own.read(name), own.read_text(name, problems)
    if text is None:
        raise InvalidPipeline(problems)
    is_linked = snapshot.path != project_path(name)
    return PromptText(snapshot.path, snapshot.sha256, text.replace("\r\n", "\n"), is_linked)


def require_editable(prompt: PromptText) -> None:
    """Raise UsageError for one that a page cannot show whole."""
    if prompt.objection is not None:
        raise UsageError(prompt.objection)
