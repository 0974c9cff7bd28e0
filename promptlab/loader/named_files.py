"""Files that a value of an input names: its path, or those in the messages of a history."""

from collections.abc import Iterator

from promptlab.core.json import JSON
from promptlab.schemas.dataset import PATH_TYPES, InputType
from promptlab.schemas.template import Place

type NamedFile = tuple[Place, str, str]


def named_files(kind: InputType, value: JSON) -> Iterator[NamedFile]:
    """Give where in the value each path stands, whether it is an `image` or a `file`, and the path."""
    if kind in PATH_TYPES and isinstance(value, str):
        yield (), kind, value
    elif kind == "messages" and isinstance(value, list):
        for number, message in enumerate(value):
            content = message.get("content") if isinstance(message, dict) else None
            for index, part in enumerate(content if isinstance(content, list) else ()):
                match part:
                    case {"type": "image" | "file" as function, "path": str(path)}:
                        yield (number, "content", index, "path"), str(function), path
                    case _:
                        pass
