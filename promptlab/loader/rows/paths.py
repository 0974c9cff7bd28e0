"""Files that rows name: in inputs of type image and file, and in the messages of a history."""

from collections.abc import Iterator, Mapping

from promptlab.core.json import JSON
from promptlab.engine.conversation import Form
from promptlab.loader.attachments import FormChecker
from promptlab.loader.files import ProjectFiles
from promptlab.loader.rows.record import RowFault
from promptlab.loader.sources import FileError
from promptlab.schemas.dataset import PATH_TYPES, InputSpec

__all__ = ["RowPaths"]


class RowPaths:
    """Holds the paths of each row to what the input's type asks for. `forms`: what was there, by input."""

    def __init__(self, files: ProjectFiles, inputs: Mapping[str, InputSpec]) -> None:
        self.forms: dict[str, set[Form]] = {}
        self._checker = FormChecker(files)
        self._paths = [(name, spec.type) for name, spec in inputs.items() if spec.type in PATH_TYPES]
        self._histories = [name for name, spec in inputs.items() if spec.type == "messages"]

    def faults(self, given: Mapping[str, JSON]) -> Iterator[RowFault]:
        """Give what is wrong with a row's inputs."""
        for name, kind in self._paths:
            if name in given:
                yield from self._fault(name, kind, given[name])
        for name in self._histories:
            messages = given.get(name)
            for message in messages if isinstance(messages, list) else ():
                content = message.get("content") if isinstance(message, dict) else None
                yield from self._content_faults(name, content)

    def _fault(self, name: str, kind: str, path: JSON) -> Iterator[RowFault]:
        try:
            self.forms.setdefault(name, set()).add(self._checker.form(kind, str(path)))
        except FileError as error:
            yield RowFault(f"'{name}': {error}", code=error.code, column=name, hint=error.hint)

    def _content_faults(self, name: str, content: JSON) -> Iterator[RowFault]:
        for part in content if isinstance(content, list) else ():
            match part:
                case {"type": "image" | "file" as kind, "path": str(path)}:
                    yield from self._fault(name, kind, path)
                case _:
                    pass
