"""Files that rows name: in inputs of type image and file, and in the messages of a history."""

from collections.abc import Iterator, Mapping

from promptlab.core.json import JSON
from promptlab.engine.conversation import Form
from promptlab.loader.attachments import FormChecker
from promptlab.loader.files import ProjectFiles
from promptlab.loader.named_files import named_files
from promptlab.loader.rows.record import RowFault
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import PATH_TYPES, InputSpec

__all__ = ["RowPaths"]

NAMING = (*PATH_TYPES, "messages")


class RowPaths:
    """Holds the paths of each row to what the input's type asks for. `forms`: what was there, by input."""

    def __init__(self, files: ProjectFiles, inputs: Mapping[str, InputSpec]) -> None:
        self.forms: dict[str, set[Form]] = {}
        self._checker = FormChecker(files)
        self._kinds = {name: spec.type for name, spec in inputs.items() if spec.type in NAMING}

    def faults(self, given: Mapping[str, JSON]) -> Iterator[RowFault]:
        """Give what is wrong with a row's inputs."""
        for name, kind in self._kinds.items():
            for _, function, path in named_files(kind, given.get(name)):
                yield from self._fault(name, function, path)

    def _fault(self, name: str, function: str, path: str) -> Iterator[RowFault]:
        try:
            self.forms.setdefault(name, set()).add(self._checker.form(function, path))
        except FileError as error:
            yield RowFault(f"'{name}': {error}", code=error.code, column=name, hint=error.hint)
